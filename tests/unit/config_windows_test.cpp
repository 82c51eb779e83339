// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "config_helpers.h"

using namespace throttlelens;
using namespace std::chrono_literals;

namespace {

/// Of `windows: {TEXT}`, whose text starts in column 11.
std::string windows_problem(const std::string& text) {
  return problem_of("windows: {" + text + "}\n");
}

}  // namespace

TEST_CASE("the base divides one second evenly") {
  for (const auto& [text, base] : std::vector<std::pair<std::string, Nanoseconds>>{
           {"10ms", 10ms}, {"12.5ms", 12500us}, {"0.02s", 20ms}, {"1s", 1s}}) {
    const auto config =
        parse_config("windows: {base: " + text + ", reported: [1s], history: 2m}", "f");
    REQUIRE(config.has_value());
    CHECK(config->windows == Config::Windows{.base = base, .reported = {1s}, .history = 2min});
  }
  for (const std::string text : {"30ms", "999ms", "300ms"}) {
    CHECK(windows_problem("base: " + text) ==
          "f:1:17: windows.base: \"" + text +
              "\" does not divide one second evenly; use for example 10ms, 20ms, 50ms, 100ms, "
              "200ms, 250ms, 500ms or 1s");
  }
  for (const std::string text : {"9.999999ms", "0s", "1.000001s", "1h"}) {
    CHECK(windows_problem("base: " + text) ==
          "f:1:17: windows.base: \"" + text + "\" is out of range; use 10ms to 1s");
  }
}

TEST_CASE("bad units name the valid ones") {
  const std::string units = "; valid units are ms, s, m and h, as in 100ms, 0.5s or 5m";
  CHECK(windows_problem("base: 100") == "f:1:17: windows.base: \"100\" has no unit" + units);
  CHECK(windows_problem("history: 5min") ==
        "f:1:20: windows.history: \"5min\" has an unknown unit" + units);
  CHECK(windows_problem("reported: [1s, 5sec]") ==
        "f:1:26: item 2 of windows.reported: \"5sec\" has an unknown unit" + units);
}

TEST_CASE("a base that the built-in windows do not fit asks for windows of one's own") {
  CHECK(windows_problem("base: 500ms") ==
        "f:1:17: windows.base: \"500ms\" does not fit the built-in windows.reported: 100ms is not "
        "a multiple of it; set windows.reported too");
  CHECK(problems_of("windows: {base: 50ms}\n").empty());
  CHECK(problems_of("windows: {base: 500ms, reported: [500ms, 1s]}\n").empty());
}

TEST_CASE("reported windows are increasing multiples of the base") {
  CHECK(windows_problem("reported: [250ms]") ==
        "f:1:22: item 1 of windows.reported: \"250ms\" is not a multiple of windows.base (100ms); "
        "use 200ms or 300ms");
  CHECK(windows_problem("reported: [1s, 5.05s]") ==
        "f:1:26: item 2 of windows.reported: \"5.05s\" is not a multiple of windows.base (100ms); "
        "use 5s or 5100ms");
  for (const std::string text : {"50ms", "0s"}) {
    CHECK(windows_problem("reported: [" + text + "]") ==
          "f:1:22: item 1 of windows.reported: \"" + text +
              "\" is shorter than windows.base (100ms), of which it must be a multiple");
  }
  for (const std::string text : {"1s", "1000ms", "900ms"}) {
    CHECK(windows_problem("reported: [1s, " + text + ", 5s]") ==
          "f:1:26: item 2 of windows.reported: \"" + text +
              "\" is not longer than the one before it (1s); put the windows in increasing order, "
              "each once");
  }
}

TEST_CASE("one to five windows are reported") {
  CHECK(windows_problem("reported: []") ==
        "f:1:21: windows.reported is empty; write at least one window");
  CHECK(windows_problem("reported: [1s, 2s, 3s, 4s, 5s, 6s, 7s]") ==
        "f:1:42: windows.reported has 7 windows; each costs series, remove all but 5");
  CHECK(problems_of("windows: {reported: [1s, 2s, 3s, 4s, 5s]}\n").empty());
}

TEST_CASE("history holds the longest window and stays in its range") {
  CHECK(windows_problem("reported: [1s, 2m], history: 60s") ==
        "f:1:26: item 2 of windows.reported: \"2m\" is longer than windows.history (1m); shorten "
        "it, or lengthen windows.history");
  CHECK(windows_problem("reported: [5m, 301s]") ==
        "f:1:26: item 2 of windows.reported: \"301s\" is longer than windows.history (5m); shorten "
        "it, or lengthen windows.history");
  for (const std::string text : {"59.999s", "0s", "61m", "3600.000001s"}) {
    CHECK(windows_problem("history: " + text) ==
          "f:1:20: windows.history: \"" + text + "\" is out of range; use 60s to 1h");
  }
  CHECK(problems_of("windows: {history: 60s}\n").empty());
  CHECK(problems_of("windows: {reported: [1h], history: 1h}\n").empty());
}

TEST_CASE("nothing is compared with a value that is itself wrong") {
  CHECK(places_of("windows: {base: 7ms, reported: [100.5ms], history: 1s}\n") ==
        Lines{"1:17", "1:52"});
  CHECK(places_of("windows: {base: x}\n") == Lines{"1:17"});
}
