// SPDX-License-Identifier: Apache-2.0
// The counters of all cgroups, and the highest base window since they were last taken.
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

#include "timeline/timeline.h"

namespace throttlelens {
namespace {

using namespace std::chrono_literals;

constexpr CgroupKey kA{1};
constexpr CgroupKey kB{2};

class Player {
 public:
  explicit Player(Nanoseconds history = 5min)
      : timeline({.base = 100ms, .reported = {1s}, .history = history}) {}

  WindowBatch next() const {
    WindowBatch batch;
    batch.first = window;
    return batch;
  }
  void apply(const WindowBatch& batch) {
    timeline.apply(batch);
    window = batch.first + batch.count;
  }
  void use(CgroupKey key, Nanoseconds used) {
    WindowBatch batch = next();
    batch.use = {{.key = key, .used = used}};
    apply(batch);
  }
  CounterReading take(CgroupKey key) {
    for (const CounterReading& one : timeline.take_counters().cgroups) {
      if (one.key == key) return one;
    }
    FAIL("not in the counters");
    return {};
  }
  std::optional<Nanoseconds> peak(CgroupKey key) const { return timeline.read(key)->peak; }

  Timeline timeline;
  WindowIndex window = 100;
};

TEST_CASE("counters are those of a reading") {
  Player node;
  CHECK(node.timeline.take_counters().cgroups.empty());
  WindowBatch batch = node.next();
  batch.appeared = {{.key = kA, .parent = {}, .path = "/a", .usage_before = 0ns},
                    {.key = kB, .parent = {}, .path = "/b", .usage_before = 0ns}};
  batch.use = {{.key = kA, .used = 30ms}};
  batch.corrections = {{.key = kA, .missed = 5ms}};
  node.apply(batch);
  CHECK_FALSE(node.take(kA).throttle_wait);
  batch = node.next();
  batch.waits = BatchWaits{};
  batch.waits->cgroups.emplace_back().key = kA;
  batch.waits->cgroups.back().waits.throttle = 2ms;
  batch.waits->cgroups.back().waits.contention = 3ms;
  node.apply(batch);
  const CountersReading all = node.timeline.take_counters();
  CHECK(all.last_window == 101);
  REQUIRE(all.cgroups.size() == 2);
  for (const CounterReading& one : all.cgroups) {
    const bool a = one.key == kA;
    CHECK(one.total == (a ? 35ms : 0ms));
    CHECK(one.throttle_wait == (a ? 2ms : 0ms));
    CHECK(one.contention_wait == (a ? 3ms : 0ms));
    CHECK(one.peak == 0ns);
  }
}

TEST_CASE("the peak is of the windows since the counters were last taken") {
  Player node;
  node.use(kA, 30ms);
  node.use(kA, 20ms);
  CHECK(node.peak(kA) == 30ms);
  CHECK(node.take(kA).peak == 30ms);
  CHECK_FALSE(node.peak(kA));  // no window since
  CHECK_FALSE(node.take(kA).peak);
  node.use(kB, 1ms);
  CHECK(node.peak(kA) == 0ns);  // one, in which it did nothing
  node.use(kA, 7ms);
  node.use(kA, 9ms);
  node.use(kA, 8ms);
  CHECK(node.peak(kA) == 9ms);
  CHECK(node.take(kA).peak == 9ms);
}

TEST_CASE("a window told in parts is one") {
  Player node;
  node.use(kA, 30ms);
  WindowBatch batch = node.next();
  batch.use = {{.key = kA, .used = 20ms}, {.key = kA, .used = 15ms}};
  node.apply(batch);
  CHECK(node.take(kA).peak == 35ms);
}

TEST_CASE("peaks know nothing of gaps, corrections, unknown windows and what was before") {
  Player node;
  node.use(kB, 1ms);
  WindowBatch gap = node.next();
  gap.count = 3;
  gap.missed = true;
  gap.use = {{.key = kA, .used = 900ms}};
  gap.corrections = {{.key = kB, .missed = 900ms}};
  SECTION("a gap alone has no peak") {
    node.take(kB);
    node.apply(gap);
    CHECK_FALSE(node.take(kA).peak);
  }
  SECTION("beside windows it is none") {
    node.apply(gap);
    node.use(kA, 5ms);
    CHECK(node.peak(kA) == 5ms);
    CHECK(node.peak(kB) == 1ms);
  }
  SECTION("unknown windows") {
    node.use(kA, 2ms);
    node.take(kA);
    WindowBatch unknown = node.next();
    unknown.unknown = {kA};
    unknown.use = {{.key = kA, .used = 50ms}};
    node.apply(unknown);
    CHECK_FALSE(node.peak(kA));
    CHECK(node.peak(kB) == 0ns);
    node.use(kA, 3ms);
    CHECK(node.take(kA).peak == 3ms);
  }
}

TEST_CASE("peaks are those of the history, whatever happens") {
  Player node(30s);
  std::mt19937 random(GENERATE(7U, 8U));
  const auto below = [&](std::uint32_t count) {
    return static_cast<std::uint32_t>(random() % count);
  };
  const std::vector<CgroupKey> keys{{1}, {2}, {3}};
  for (const CgroupKey key : keys) node.use(key, 1us);
  WindowIndex since = 0;
  for (int step = 0; step < 3000; ++step) {
    WindowBatch batch = node.next();
    batch.first += below(20) == 0 ? below(5) : 0;
    if (below(15) == 0) {
      batch.missed = true;
      batch.count = 1 + below(4);
    }
    for (const CgroupKey key : keys) {
      // Whole microseconds, as the history has them.
      if (below(2) == 0) batch.use.push_back({.key = key, .used = below(100) * 1us});
      if (below(8) == 0) batch.unknown.push_back(key);
      if (below(60) == 0) batch.gone.push_back(key);
      if (below(60) == 0) {
        batch.appeared.push_back(
            {.key = key,
             .parent = {},
             .path = "/",
             .usage_before = below(2) == 0 ? std::optional(0ns) : std::nullopt});
      }
    }
    node.apply(batch);
    CAPTURE(step, since, node.window);
    for (const CgroupKey key : keys) {
      std::optional<Nanoseconds> highest;
      const WindowIndex first = std::max(since, node.window > 300 ? node.window - 300 : 0);
      for (const auto& window :
           node.timeline.history(key, first, static_cast<std::uint32_t>(node.window - first))) {
        if (window) highest = std::max(highest, std::optional(window->used));
      }
      CHECK(node.peak(key).value_or(-1ns) == highest.value_or(-1ns));
    }
    if (below(10) == 0) {
      node.timeline.take_counters();
      since = node.window;
    }
  }
}

}  // namespace
}  // namespace throttlelens
