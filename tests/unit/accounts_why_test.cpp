// SPDX-License-Identifier: Apache-2.0
// The one word for what keeps a cgroup from running: each rule at its edge.
#include <chrono>

#include <catch2/catch.hpp>

#include "why.h"

namespace throttlelens::accounts {
namespace {

using namespace std::chrono_literals;

/// A window of 5 s on four busy CPUs, in which one CPU was used and nothing was waited for.
WhyInput calm() {
  WhyInput input;
  input.window = {.length = 5s, .last = 5s, .peak = {}, .waits = WaitAmounts{}};
  input.node_busy = 20s;
  input.cpus_online = 4;
  return input;
}

WhyInput throttled(Nanoseconds throttle, Nanoseconds wall,
                   std::optional<ThrottleLevel> level = ThrottleLevel::own) {
  WhyInput input = calm();
  input.window.waits->throttle = throttle;
  input.window.waits->throttled = wall;
  input.window.waits->level = level;
  return input;
}

WhyInput contended(Nanoseconds contention) {
  WhyInput input = calm();
  input.window.waits->contention = contention;
  return input;
}

TEST_CASE("what is not known has no reason") {
  WhyInput input = throttled(5s, 5s);
  SECTION("the use") {
    input.window.last.reset();
  }
  SECTION("the waits") {
    input.window.waits.reset();
  }
  SECTION("a window without a length") {
    input.window.length = 0s;
  }
  CHECK_FALSE(why_of(input));
}

TEST_CASE("without waits all is fine, also for who did not run at all") {
  CHECK(why_of(calm()) == Why::fine);
  WhyInput input = calm();
  input.window.last = 0ns;
  CHECK(why_of(input) == Why::fine);
  input.node_busy = 0ns;
  CHECK(why_of(input) == Why::fine);
}

TEST_CASE("throttling matters from a twentieth of what was wanted on") {
  // 5 s used and 263.2 ms waited: 5.0007 % of what was wanted.
  CHECK(why_of(throttled(263'200us, 5ms)) == Why::quota);
  CHECK(why_of(throttled(263'100us, 5ms)) == Why::fine);
}

TEST_CASE("what contention adds to the wanted time makes a wait for quota smaller") {
  WhyInput input = throttled(263'200us, 5ms);
  input.window.waits->contention = 200ms;  // too little to matter itself
  CHECK(why_of(input) == Why::fine);
}

TEST_CASE("throttling that nobody notices is no reason, however little was wanted") {
  WhyInput input = throttled(5ms, 5ms - 1ns);
  input.window.last = 0ns;
  CHECK(why_of(input) == Why::fine);
  input.window.waits->throttled = 5ms;
  CHECK(why_of(input) == Why::quota);
}

TEST_CASE("a hundredth of the window throttled matters, however much was used") {
  CHECK(why_of(throttled(50ms, 50ms)) == Why::quota);
  CHECK(why_of(throttled(50ms, 50ms - 1ns)) == Why::fine);
}

TEST_CASE("the level says whose quota") {
  const auto why = [](ThrottleLevel level, Standing standing) {
    WhyInput input = throttled(5s, 5s, level);
    input.standing = standing;
    return why_of(input);
  };
  for (const Standing any : {Standing::cgroup, Standing::container, Standing::pod_container}) {
    CHECK(why(ThrottleLevel::own, any) == Why::quota);
    CHECK(why(ThrottleLevel::above, any) == Why::ancestor_quota);
  }
  CHECK(why(ThrottleLevel::parent, Standing::pod_container) == Why::pod_quota);
  CHECK(why(ThrottleLevel::parent, Standing::container) == Why::ancestor_quota);
  CHECK(why(ThrottleLevel::parent, Standing::cgroup) == Why::ancestor_quota);
}

TEST_CASE("a pod with the limit of its only container is the container's own") {
  WhyInput input = throttled(5s, 5s, ThrottleLevel::parent);
  input.standing = Standing::pod_container;
  input.same_limit_above = true;
  CHECK(why_of(input) == Why::quota);
  input.window.waits->level = ThrottleLevel::above;
  CHECK(why_of(input) == Why::ancestor_quota);
}

TEST_CASE("waits of those below for quota of their own are no reason here") {
  WhyInput input = throttled(5s, 0s, std::nullopt);
  CHECK(why_of(input) == Why::fine);
  input.window.waits->contention = 2s;
  CHECK(why_of(input) == Why::neighbours);
}

TEST_CASE("contention matters from a tenth of what was wanted on") {
  // 5 s used and 555.6 ms waited: 10.0007 % of what was wanted.
  CHECK(why_of(contended(555'600us)) == Why::neighbours);
  CHECK(why_of(contended(555'500us)) == Why::fine);
}

TEST_CASE("contention that nobody notices is no reason") {
  WhyInput input = contended(25ms);
  input.window.last = 0ns;
  CHECK(why_of(input) == Why::neighbours);
  input.window.waits->contention -= 1ns;
  CHECK(why_of(input) == Why::fine);
}

TEST_CASE("of two reasons the larger one is named, of equal ones the quota") {
  WhyInput input = throttled(2s, 1s);
  input.window.waits->contention = 2s;
  CHECK(why_of(input) == Why::quota);
  input.window.waits->contention += 1ns;
  CHECK(why_of(input) == Why::neighbours);
  input.window.waits->throttle = 40ms;  // 1 s of the clock, and far less than the contention
  CHECK(why_of(input) == Why::neighbours);
}

TEST_CASE("throttling that matters beside contention that does not is named, even if it is less") {
  WhyInput input = throttled(60ms, 60ms);
  input.window.waits->contention = 100ms;
  CHECK(why_of(input) == Why::quota);
}

TEST_CASE("where the others hardly run, the own threads are in each other's way") {
  WhyInput input = contended(10s);
  input.node_busy = 5s + 2s;  // a tenth of 4 CPUs for 5 s is the others'
  CHECK(why_of(input) == Why::neighbours);
  input.node_busy = *input.node_busy - 1ns;
  CHECK(why_of(input) == Why::own_threads);
  SECTION("the root has no others") {
    input.window.last = 20s;
    input.node_busy = 20s;
    CHECK(why_of(input) == Why::own_threads);
  }
  SECTION("what was measured at slightly different moments is nobody's") {
    input.node_busy = 4s;
    CHECK(why_of(input) == Why::own_threads);
  }
}

TEST_CASE("others are suspected where they are not known") {
  WhyInput input = contended(10s);
  input.node_busy = 5s;
  REQUIRE(why_of(input) == Why::own_threads);
  SECTION("how much the node ran") {
    input.node_busy.reset();
  }
  SECTION("how many CPUs there are") {
    input.cpus_online = 0;
  }
  CHECK(why_of(input) == Why::neighbours);
}

}  // namespace
}  // namespace throttlelens::accounts
