// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "config_helpers.h"

using namespace throttlelens;
using namespace std::chrono_literals;

TEST_CASE("durations are read to the nanosecond") {
  const std::vector<std::pair<std::string, Nanoseconds>> cases{
      {"100ms", 100ms},
      {"1s", 1s},
      {"5m", 5min},
      {"1h", 1h},
      {"0.5s", 500ms},
      {"1.5h", 90min},
      {"0s", 0s},
      {"007s", 7s},
      {"0.000001ms", 1ns},
      {"1.000001s", 1000001us},
      {"0.000001h", 3600us},
      {"2562047.788015h", 9223372036854000000ns},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    const auto read = parse_duration(text);
    REQUIRE(read.has_value());
    CHECK(*read == expected);
  }
}

TEST_CASE("what is no duration says why and names the valid units") {
  const std::string units = "; valid units are ms, s, m and h, as in 100ms, 0.5s or 5m";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "is not a duration: it must start with a number"},
      {"s", "is not a duration: it must start with a number"},
      {" 1s", "is not a duration: it must start with a number"},
      {"+1s", "is not a duration: it must start with a number"},
      {".5s", "is not a duration: it must start with a number"},
      {"-1s", "is negative"},
      {"100", "has no unit"},
      {"1.5", "has no unit"},
      {"1.s", "has no digit after the point"},
      {"1.0000001s", "has more than 6 decimals"},
      {"100us", "has the unknown unit \"us\""},
      {"1S", "has the unknown unit \"S\""},
      {"1 s", "has the unknown unit \" s\""},
      {"1s ", "has the unknown unit \"s \""},
      {"1m30s", "has the unknown unit \"m30s\""},
      {"1e3s", "has the unknown unit \"e3s\""},
      {"1,5s", "has the unknown unit \",5s\""},
      {std::string("1s\0", 3), "has the unknown unit \"s\\x00\""},
      {"2562048h", "is too long a duration"},
      {"2562047.788016h", "is too long a duration"},
      {"9223372036855ms", "is too long a duration"},
      {"99999999999999999999s", "is too long a duration"},
  };
  for (const auto& [text, why] : cases) {
    INFO(text);
    const auto read = parse_duration(text);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error() == why + units);
  }
}
