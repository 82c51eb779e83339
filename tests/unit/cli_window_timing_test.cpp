// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "cli/window_timing.h"

using namespace throttlelens;
using namespace std::chrono_literals;

namespace {

MonoTime at(Nanoseconds since_boot) {
  return {since_boot};
}

}  // namespace

TEST_CASE("the loop wakes the lag after an edge, always later than now") {
  CHECK(next_wake(at(0ms), 100ms, 1ms) == at(1ms));
  CHECK(next_wake(at(1ms), 100ms, 1ms) == at(101ms));
  CHECK(next_wake(at(100ms), 100ms, 1ms) == at(101ms));
  CHECK(next_wake(at(101ms) - 1ns, 100ms, 1ms) == at(101ms));
  CHECK(next_wake(at(101ms), 100ms, 1ms) == at(201ms));
  CHECK(next_wake(at(150ms), 100ms, 1ms) == at(201ms));
}

TEST_CASE("lateness does not move the grid") {
  MonoTime now = at(0ms);
  for (int i = 0; i < 1000; ++i) {
    now = next_wake(now, 100ms, 1ms) + (i % 7) * 60ms;  // up to 360 ms late
    const auto wake = next_wake(now, 100ms, 1ms);
    CHECK((wake.since_boot - 1ms) % 100ms == 0ns);
    CHECK(wake > now);
    CHECK(wake - now <= 100ms);
  }
}

TEST_CASE("a window is whole when it begins at the start or later") {
  CHECK(first_whole_window_end(at(5s), 5s) == at(10s));
  CHECK(first_whole_window_end(at(5s) + 1ns, 5s) == at(15s));
  CHECK(first_whole_window_end(at(9999ms), 5s) == at(15s));
  CHECK(first_whole_window_end(at(0s), 5s) == at(5s));
}

TEST_CASE("the first snapshot is published without a reader, then none until one asks") {
  PublishPolicy policy;
  CHECK(policy.due(at(1s), false));
  for (int i = 1; i < 1000; ++i) CHECK_FALSE(policy.due(at(1s + i * 100ms), false));
  CHECK(policy.due(at(200s), true));
  CHECK(policy.due(at(200s + 100ms), true));
}

TEST_CASE("after a reader, one snapshot a second for ten seconds") {
  PublishPolicy policy;
  policy.due(at(1s), false);
  REQUIRE(policy.due(at(100s), true));
  int published = 0;
  for (auto now = 100s + 100ms; now <= 160s; now += 100ms) {
    if (policy.due(at(now), false)) ++published;
  }
  CHECK(published == 10);
}
