// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "base/duration.h"

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
      {"100us", "has an unknown unit"},
      {"1S", "has an unknown unit"},
      {"1 s", "has an unknown unit"},
      {"1s ", "has an unknown unit"},
      {"1m30s", "has an unknown unit"},
      {"1e3s", "has an unknown unit"},
      {"1,5s", "has an unknown unit"},
      {std::string("1s\0", 3), "has an unknown unit"},
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

TEST_CASE("a duration's text is read as the same duration, in the unit that suits it") {
  CHECK(duration_text(0s) == "0s");
  CHECK(duration_text(100ms) == "100ms");
  CHECK(duration_text(1500ms) == "1500ms");
  CHECK(duration_text(90s) == "90s");
  CHECK(duration_text(5min) == "5m");
  CHECK(duration_text(1us) == "0.001ms");
  for (const Nanoseconds one : {1ns, 999'999'999ns, Nanoseconds(5s), Nanoseconds(25h + 1ns)}) {
    CHECK(parse_duration(duration_text(one)) == one);
  }
}
