// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "cli/series_warning.h"

using namespace throttlelens;
using namespace std::chrono_literals;

TEST_CASE("a scrape that is not whole says how much it lacks, and where") {
  SeriesLeftOut left_out{.series = 1234, .namespaces = {{"shop", 900}, {"billing", 200}}};
  CHECK(series_warning(left_out, 50000) ==
        "limits.max_series is 50000: 1234 series left out of this scrape, most of them in "
        "namespaces shop (900), billing (200)");
  left_out = {.series = 900, .namespaces = {{"shop", 900}}};
  CHECK(series_warning(left_out, 10) ==
        "limits.max_series is 10: 900 series left out of this scrape, all of them in "
        "namespace shop (900)");
  left_out = {.series = 1800, .namespaces = {{"shop", 900}}};
  CHECK_THAT(series_warning(left_out, 10), Catch::Contains("some of them in namespace shop"));
  left_out = {.series = 7, .namespaces = {}};
  CHECK_THAT(series_warning(left_out, 10), Catch::EndsWith("none of them in a namespace"));
}

TEST_CASE("names in the warning are escaped") {
  const SeriesLeftOut left_out{.series = 9, .namespaces = {{"a\n\x1b[2J\xff", 9}}};
  CHECK_THAT(series_warning(left_out, 1), Catch::EndsWith(R"(namespace a\x0a\x1b[2J\xff (9))"));
}

TEST_CASE("scrapes that are not whole are warned of once a minute, whole ones never") {
  SeriesWarner warner;
  const SeriesLeftOut some{.series = 1, .namespaces = {}};
  CHECK_FALSE(warner.take({}, 1, MonoTime{1s}));
  CHECK(warner.take(some, 1, MonoTime{2s}));
  CHECK_FALSE(warner.take(some, 1, MonoTime{3s}));
  CHECK_FALSE(warner.take({}, 1, MonoTime{30s}));
  CHECK_FALSE(warner.take({.series = 2, .namespaces = {}}, 1, MonoTime{62s} - 1ns));
  CHECK(warner.take(some, 1, MonoTime{62s}));
  CHECK_FALSE(warner.take(some, 1, MonoTime{63s}));
}
