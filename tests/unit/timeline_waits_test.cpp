// SPDX-License-Identifier: Apache-2.0
// What is remembered of waits. Random lives that wait are in timeline_property_test.cpp.
#include <limits>

#include <catch2/catch.hpp>

#include "timeline_batches.h"

namespace throttlelens::test {
namespace {

using Waits = std::optional<WaitAmounts>;
constexpr Waits kAbsent = std::nullopt;
constexpr WaitAmounts kNothing{};
constexpr auto kOwn = ThrottleLevel::own;
constexpr auto kParent = ThrottleLevel::parent;
constexpr auto kAbove = ThrottleLevel::above;
constexpr auto kNoLevel = static_cast<ThrottleLevel>(kThrottleLevels);

WaitAmounts crowded(Nanoseconds contention) {
  return {.throttle = 0ns, .contention = contention, .throttled = 0ns, .level = {}};
}

WaitAmounts throttled(Nanoseconds time, ThrottleLevel level) {
  return {.throttle = 2 * time, .contention = 0ns, .throttled = time, .level = level};
}

/// Of a source that tells waits.
void quiet(Timeline& timeline, WindowIndex from, WindowIndex to) {
  for (WindowIndex index = from; index < to; ++index) timeline.apply(with_waits(window(index)));
}

WindowBatch with_told(WindowBatch batch, const CgroupWaits& told) {
  batch = with_waits(std::move(batch));
  batch.waits->cgroups.push_back(told);
  return batch;
}

WindowBatch with_unknown(WindowBatch batch, CgroupKey key) {
  batch.unknown.push_back(key);
  return batch;
}

DurationHistogram durations(std::initializer_list<Nanoseconds> each) {
  DurationHistogram histogram;
  for (const Nanoseconds duration : each) histogram.add(duration);
  return histogram;
}

std::optional<WaitTotals> totals(const Timeline& timeline, CgroupKey key) {
  const auto series = read_one(timeline, key);
  REQUIRE(series);
  return series->waits;
}

Waits window_waits(const Timeline& timeline, CgroupKey key, Length length) {
  return read_window(timeline, key, length).waits;
}

/// The waits of each window of a history; absent where the window is.
std::vector<Waits> kept(const Timeline& timeline, CgroupKey key, WindowIndex first,
                        std::uint32_t count) {
  std::vector<Waits> waits;
  for (const auto& base : timeline.history(key, first, count)) {
    waits.push_back(base ? base->waits : kAbsent);
  }
  return waits;
}

TEST_CASE("totals of waits are the sums of all that was told, gaps included") {
  Timeline timeline({});
  CgroupWaits told;
  told.key = kA;
  told.waits = {.throttle = 30ms, .contention = 4ms, .throttled = 20ms, .level = kOwn};
  told.throttled_while_idle = 15ms;
  told.throttle_waits = durations({25ms, 5ms});
  told.contention_waits = durations({1ms, 3ms});
  told.episodes = {{.level = kOwn, .length = 20ms}, {.level = kAbove, .length = 2s}};
  timeline.apply(with_told(with_appeared(window(100), kA), told));
  quiet(timeline, 101, 105);
  timeline.apply(with_told(gap(105, 3), told));
  told.episodes = {{.level = kOwn, .length = 100ms}, {.level = kParent, .length = 1ns}};
  timeline.apply(with_told(window(108), told));

  WaitTotals expected;
  expected.throttle = 90ms;
  expected.contention = 12ms;
  expected.throttled_while_idle = 45ms;
  expected.throttle_waits = durations({25ms, 5ms, 25ms, 5ms, 25ms, 5ms});
  expected.contention_waits = durations({1ms, 3ms, 1ms, 3ms, 1ms, 3ms});
  expected.episodes = {durations({20ms, 20ms, 100ms}), durations({1ns}), durations({2s, 2s})};
  CHECK(totals(timeline, kA) == expected);
}

TEST_CASE("waits are absent until the source tells them; then who never waited has zeros") {
  Timeline timeline({});
  timeline.apply(with_appeared(with_appeared(window(100), kA), kB));
  CHECK_FALSE(totals(timeline, kA));
  CHECK(window_waits(timeline, kA, k100ms) == kAbsent);
  SECTION("with a window") {
    timeline.apply(with_waits(window(101), {{kA, crowded(1ms)}}));
    CHECK(totals(timeline, kA)->contention == 1ms);
    CHECK(window_waits(timeline, kB, k100ms) == kNothing);
  }
  SECTION("with a gap") {
    timeline.apply(with_waits(gap(101, 2), {{kA, crowded(1ms)}}));
    CHECK(totals(timeline, kA)->contention == 1ms);
    CHECK(window_waits(timeline, kB, k100ms) == kAbsent);
  }
  SECTION("with nothing but the word") {
    timeline.apply(with_waits(window(101)));
    CHECK(totals(timeline, kA) == WaitTotals{});
  }
  CHECK(totals(timeline, kB) == WaitTotals{});
  // A cgroup that appears when the source has told already.
  timeline.apply(with_appeared(window(110), CgroupKey{33}));
  CHECK(totals(timeline, CgroupKey{33}) == WaitTotals{});
}

TEST_CASE("lost time is told while the source knows it, of everyone") {
  Timeline timeline({});
  CgroupWaits told;
  told.key = kA;
  told.lost = 7us;
  WindowBatch batch = with_told(with_appeared(with_appeared(window(100), kA), kB), told);
  timeline.apply(batch);
  CHECK(totals(timeline, kA)->lost == std::nullopt);
  CHECK(totals(timeline, kB)->lost == std::nullopt);
  batch = with_told(window(101), told);
  batch.waits->lost_known = true;
  timeline.apply(batch);
  CHECK(totals(timeline, kA)->lost == 7us);
  CHECK(totals(timeline, kB)->lost == 0us);
  batch.first = 102;
  timeline.apply(batch);
  CHECK(totals(timeline, kA)->lost == 14us);
  timeline.apply(with_told(window(103), told));
  CHECK(totals(timeline, kA)->lost == std::nullopt);
  batch.first = 104;
  timeline.apply(batch);
  CHECK(totals(timeline, kA)->lost == 21us);
}

TEST_CASE("waits of a longer window are the sum of its base windows") {
  Timeline timeline({});
  timeline.apply(with_waits(with_appeared(window(100), kA), {{kA, throttled(3ms, kOwn)}}));
  for (WindowIndex i = 101; i < 110; ++i) {
    timeline.apply(with_waits(window(i), {{kA, crowded(2ms)}}));
  }
  const WaitAmounts second{.throttle = 6ms, .contention = 18ms, .throttled = 3ms, .level = kOwn};
  CHECK(window_waits(timeline, kA, k1s) == second);
  CHECK(window_waits(timeline, kA, k100ms) == crowded(2ms));
  CHECK(window_waits(timeline, kA, k5s) == kAbsent);
  timeline.apply(with_waits(window(110), {{kA, crowded(50ms)}}));
  CHECK(window_waits(timeline, kA, k1s) == second);
  CHECK(window_waits(timeline, kA, k100ms) == crowded(50ms));
  quiet(timeline, 111, 150);
  CHECK(window_waits(timeline, kA, k100ms) == kNothing);
  CHECK(window_waits(timeline, kA, k1s) == kNothing);
  CHECK(window_waits(timeline, kA, k5s) ==
        WaitAmounts{.throttle = 6ms, .contention = 68ms, .throttled = 3ms, .level = kOwn});
  quiet(timeline, 150, 200);
  CHECK(window_waits(timeline, kA, k5s) == kNothing);
}

TEST_CASE("the level of a window is the one throttled longest, the nearer of equals") {
  Timeline timeline({});
  timeline.apply(with_waits(with_appeared(window(100), kA), {{kA, throttled(10ms, kAbove)}}));
  timeline.apply(with_waits(window(101), {{kA, throttled(6ms, kParent)}}));
  const auto [last, level] = GENERATE(std::pair(3ms, kAbove),   // 10, 6 + 3
                                      std::pair(4ms, kParent),  // 10, 6 + 4
                                      std::pair(5ms, kParent));
  timeline.apply(with_waits(window(102), {{kA, throttled(last, kParent)}}));
  quiet(timeline, 103, 110);
  CHECK(window_waits(timeline, kA, k1s)->level == level);
  CHECK(window_waits(timeline, kA, k1s)->throttled == 16ms + last);
}

TEST_CASE("the waits of a window are absent where its use is") {
  Timeline timeline({});
  quiet(timeline, 95, 105);
  const WindowBatch waits = with_waits(window(105, {{kA, 1ms}}), {{kA, crowded(1ms)}});
  SECTION("it appeared in the middle, and had run before") {
    timeline.apply(with_appeared(waits, kA, 1ns));
    quiet(timeline, 106, 110);
    CHECK(window_waits(timeline, kA, k1s) == kAbsent);
    CHECK(totals(timeline, kA)->contention == 1ms);
  }
  SECTION("it appeared in the middle, and had not run before") {
    timeline.apply(with_appeared(waits, kA));
    CHECK(window_waits(timeline, kA, k1s) == kAbsent);
    quiet(timeline, 106, 110);
    CHECK(window_waits(timeline, kA, k1s) == crowded(1ms));
  }
  SECTION("a base window was missed") {
    timeline.apply(with_appeared(waits, kA));
    timeline.apply(with_waits(gap(106, 1), {{kA, crowded(5ms)}}));
    CHECK(window_waits(timeline, kA, k100ms) == kAbsent);
    quiet(timeline, 107, 110);
    CHECK(window_waits(timeline, kA, k100ms) == kNothing);
    CHECK(window_waits(timeline, kA, k1s) == kAbsent);
    CHECK(totals(timeline, kA)->contention == 6ms);
  }
  SECTION("nobody spoke of a base window") {
    timeline.apply(with_appeared(waits, kA));
    quiet(timeline, 107, 110);
    CHECK(window_waits(timeline, kA, k1s) == kAbsent);
  }
}

TEST_CASE("the waits of a window are absent where the source did not tell all of them") {
  Timeline timeline({});
  timeline.apply(with_waits(with_appeared(window(100), kA), {{kA, crowded(1ms)}}));
  quiet(timeline, 101, 115);
  CHECK(window_waits(timeline, kA, k1s) == crowded(1ms));
  timeline.apply(window(115));
  CHECK(window_waits(timeline, kA, k100ms) == kAbsent);
  CHECK(read_window(timeline, kA, k100ms).last == 0ns);
  CHECK(window_waits(timeline, kA, k1s) == crowded(1ms));
  quiet(timeline, 116, 120);
  CHECK(window_waits(timeline, kA, k100ms) == kNothing);
  CHECK(window_waits(timeline, kA, k1s) == kAbsent);
  quiet(timeline, 120, 150);
  CHECK(window_waits(timeline, kA, k1s) == kNothing);
  CHECK(window_waits(timeline, kA, k5s) == kAbsent);
  CHECK(kept(timeline, kA, 114, 3) == std::vector<Waits>{kNothing, kAbsent, kNothing});
  CHECK(read_used(timeline, kA, 115, 1).front() == 0ns);
  CHECK(totals(timeline, kA)->contention == 1ms);
}

TEST_CASE("waits of a window that is unknown for a cgroup count to its totals only") {
  Timeline timeline({});
  timeline.apply(with_waits(with_appeared(with_appeared(window(100), kA), kB)));
  timeline.apply(
      with_unknown(with_waits(window(101), {{kA, throttled(9ms, kOwn)}, {kB, crowded(3ms)}}), kA));
  CHECK(window_waits(timeline, kA, k100ms) == kAbsent);
  CHECK(window_waits(timeline, kB, k100ms) == crowded(3ms));
  CHECK(totals(timeline, kA)->throttle == 18ms);
  quiet(timeline, 102, 110);
  CHECK(window_waits(timeline, kA, k1s) == kAbsent);
  CHECK(window_waits(timeline, kB, k1s) == crowded(3ms));
  CHECK(kept(timeline, kA, 100, 3) == std::vector<Waits>{kNothing, kAbsent, kNothing});
  CHECK_FALSE(timeline.history(kA, 101, 1).front());
}

TEST_CASE("history has the waits of each window, with the level where it was throttled") {
  Timeline timeline({});
  idle(timeline, 98, 99);
  timeline.apply(with_appeared(window(99, {{kA, 2us}}), kA));
  timeline.apply(with_waits(window(100, {{kA, 7us}}), {{kA, throttled(5us, kAbove)}}));
  timeline.apply(with_waits(window(101), {{kA, crowded(8us)}}));
  timeline.apply(with_waits(gap(102, 1), {{kA, throttled(5us, kOwn)}}));
  timeline.apply(with_waits(window(103), {{kA, throttled(6us, kOwn)}}));
  quiet(timeline, 104, 105);
  using Window = std::optional<HistoryWindow>;
  CHECK(timeline.history(kA, 98, 8) ==
        std::vector<Window>{Window(), HistoryWindow{.used = 2us, .waits = {}},
                            HistoryWindow{.used = 7us, .waits = throttled(5us, kAbove)},
                            HistoryWindow{.used = 0us, .waits = crowded(8us)}, Window(),
                            HistoryWindow{.used = 0us, .waits = throttled(6us, kOwn)},
                            HistoryWindow{.used = 0us, .waits = kNothing}, Window()});
}

TEST_CASE("history of waits goes back as far as that of use") {
  Timeline timeline({});
  timeline.apply(with_waits(with_appeared(window(100), kA), {{kA, throttled(1us, kParent)}}));
  const auto told = [](WindowIndex i) {
    return throttled(Nanoseconds(static_cast<std::int64_t>(i) * 1000),
                     static_cast<ThrottleLevel>(i % kThrottleLevels));
  };
  for (WindowIndex i = 101; i < 3100; ++i) timeline.apply(with_waits(window(i), {{kA, told(i)}}));
  CHECK(kept(timeline, kA, 100, 1).front() == throttled(1us, kParent));
  for (WindowIndex i = 3100; i < 9000; ++i) timeline.apply(with_waits(window(i), {{kA, told(i)}}));
  CHECK(kept(timeline, kA, 5999, 1).front() == kAbsent);
  const std::vector<Waits> all = kept(timeline, kA, 6000, 3000);
  for (std::size_t i = 0; i < all.size(); ++i) REQUIRE(all[i] == told(6000 + i));
}

TEST_CASE("what rounding cuts off waits is not lost, and has no level before it is a microsecond") {
  Timeline timeline({});
  timeline.apply(with_waits(with_appeared(window(0), kA)));
  for (WindowIndex i = 1; i <= 4; ++i) {
    WaitAmounts told = throttled(300ns, kOwn);
    told.contention = 700ns;
    timeline.apply(with_waits(window(i), {{kA, told}}));
  }
  // Rounded down: 600, 1200, 1800, 2400 ns; 700, 1400, 2100, 2800 ns; 300, 600, 900, 1200 ns.
  const std::vector<Waits> expected{
      kNothing, WaitAmounts{.throttle = 1us, .contention = 1us, .throttled = 0us, .level = {}},
      crowded(1us),
      WaitAmounts{.throttle = 1us, .contention = 0us, .throttled = 1us, .level = kOwn}};
  CHECK(kept(timeline, kA, 1, 4) == expected);
  CHECK(window_waits(timeline, kA, k100ms) ==
        WaitAmounts{.throttle = 600ns, .contention = 700ns, .throttled = 300ns, .level = kOwn});
}

TEST_CASE("a cgroup named twice in the waits of a batch has the sum, and the longest level") {
  Timeline timeline({});
  timeline.apply(with_waits(with_appeared(window(100), kA), {{kA, throttled(9ms, kOwn)}}));
  timeline.apply(with_waits(
      window(101),
      {{kA, throttled(4ms, kOwn)}, {kA, throttled(5ms, kAbove)}, {kA, throttled(3ms, kOwn)}}));
  CHECK(window_waits(timeline, kA, k100ms) == throttled(12ms, kOwn));
  CHECK(kept(timeline, kA, 101, 1).front() == throttled(12ms, kOwn));
  timeline.apply(
      with_waits(window(102), {{kA, throttled(4ms, kOwn)}, {kA, throttled(5ms, kAbove)}}));
  CHECK(window_waits(timeline, kA, k100ms) == throttled(9ms, kAbove));
  CHECK(kept(timeline, kA, 102, 1).front() == throttled(9ms, kAbove));
  CHECK(totals(timeline, kA)->throttle == 2 * (9ms + 12ms + 9ms));
}

TEST_CASE("waits of a gone cgroup stay readable until it is forgotten, or its key comes back") {
  Timeline timeline({});
  WindowBatch batch = with_waits(with_appeared(window(100), kA), {{kA, throttled(9ms, kOwn)}});
  batch.gone.push_back(kA);
  timeline.apply(batch);
  CHECK(window_waits(timeline, kA, k100ms) == throttled(9ms, kOwn));
  quiet(timeline, 101, 103);
  CHECK(window_waits(timeline, kA, k100ms) == kNothing);
  CHECK(totals(timeline, kA)->throttle == 18ms);
  CHECK(kept(timeline, kA, 100, 1).front() == throttled(9ms, kOwn));
  SECTION("forgotten") {
    timeline.forget(kA);
    CHECK(timeline.bytes(kA) == 0);
    CHECK(kept(timeline, kA, 100, 1).front() == kAbsent);
    timeline.apply(with_appeared(with_waits(window(103)), kA));
  }
  SECTION("back") {
    timeline.apply(with_appeared(with_waits(window(103)), kA));
  }
  CHECK(totals(timeline, kA) == WaitTotals{});
  CHECK(window_waits(timeline, kA, k100ms) == kNothing);
  CHECK(kept(timeline, kA, 100, 4) == std::vector<Waits>{kAbsent, kAbsent, kAbsent, kNothing});
}

TEST_CASE("a living cgroup announced again keeps its waits: no counter of the kernel has them") {
  Timeline timeline({});
  timeline.apply(with_waits(with_appeared(window(100), kA), {{kA, crowded(2ms)}}));
  timeline.apply(with_waits(with_appeared(window(101), kA, 11ms), {{kA, crowded(3ms)}}));
  CHECK(totals(timeline, kA)->contention == 5ms);
}

TEST_CASE("waits of keys that are not known are ignored") {
  Timeline timeline({});
  timeline.apply(with_waits(window(100), {{kA, crowded(2ms)}}));
  timeline.apply(with_waits(gap(101, 1), {{kA, crowded(2ms)}}));
  CHECK_FALSE(read_one(timeline, kA));
  CHECK(timeline.read().cgroups.empty());
}

TEST_CASE("hostile waits stay within bounds") {
  Timeline timeline({});
  const Nanoseconds most = Nanoseconds::max();
  DurationHistogram full;
  full.buckets.fill(std::numeric_limits<std::uint64_t>::max());
  full.sum = most;
  CgroupWaits told{
      .key = kA,
      .waits = {.throttle = most, .contention = most, .throttled = most, .level = kOwn},
      .throttled_while_idle = most,
      .lost = most,
      .throttle_waits = full,
      .contention_waits = full,
      .episodes = {{.level = kOwn, .length = most}, {.level = kNoLevel, .length = 1s}}};
  SECTION("huge") {
    timeline.apply(with_appeared(with_waits(window(109)), kA));
    for (WindowIndex i = 110; i < 120; ++i) {
      WindowBatch batch = with_told(with_told(window(i), told), told);
      batch.waits->lost_known = true;
      timeline.apply(batch);
    }
    const WaitAmounts capped{
        .throttle = most, .contention = most, .throttled = most, .level = kOwn};
    CHECK(window_waits(timeline, kA, k100ms) == capped);
    CHECK(window_waits(timeline, kA, k1s) == capped);
    const Nanoseconds cell = std::chrono::microseconds(std::numeric_limits<std::uint32_t>::max());
    CHECK(kept(timeline, kA, 115, 1).front() ==
          WaitAmounts{.throttle = cell, .contention = cell, .throttled = cell, .level = kOwn});
    WaitTotals expected;
    expected.throttle = expected.contention = expected.throttled_while_idle = most;
    expected.lost = most;
    expected.throttle_waits = expected.contention_waits = full;
    expected.episodes[0].buckets.back() = 20;
    expected.episodes[0].sum = most;
    CHECK(totals(timeline, kA) == expected);
  }
  SECTION("negative") {
    const Nanoseconds least = Nanoseconds::min();
    told.waits = {.throttle = least, .contention = least, .throttled = least, .level = kOwn};
    told.throttled_while_idle = told.lost = least;
    told.throttle_waits = told.contention_waits = {.buckets = {2}, .sum = least};
    told.episodes = {{.level = kParent, .length = least}};
    WindowBatch batch = with_told(with_appeared(window(100), kA), told);
    batch.waits->lost_known = true;
    timeline.apply(batch);
    CHECK(window_waits(timeline, kA, k100ms) == kNothing);
    CHECK(kept(timeline, kA, 100, 1).front() == kNothing);
    WaitTotals expected;
    expected.lost = 0ns;
    expected.throttle_waits.buckets = expected.contention_waits.buckets = {2};
    expected.episodes[1].buckets = {1};
    CHECK(totals(timeline, kA) == expected);
  }
  SECTION("a level that is none") {
    timeline.apply(with_waits(with_appeared(window(100), kA), {{kA, throttled(9ms, kNoLevel)}}));
    CHECK(window_waits(timeline, kA, k100ms)->throttled == 9ms);
    CHECK_FALSE(window_waits(timeline, kA, k100ms)->level);
    CHECK_FALSE(kept(timeline, kA, 100, 1).front()->level);
    // Nor does it count as anything else.
    quiet(timeline, 101, 109);
    timeline.apply(with_waits(window(109), {{kA, crowded(1ms)}}));
    timeline.apply(with_waits(window(110), {{kA, throttled(9ms, kNoLevel)}}));
    CHECK(window_waits(timeline, kA, k1s) ==
          WaitAmounts{.throttle = 18ms, .contention = 1ms, .throttled = 9ms, .level = {}});
  }
  SECTION("a level without throttled time") {
    timeline.apply(with_waits(with_appeared(window(100), kA), {{kA, throttled(0ms, kOwn)}}));
    CHECK(window_waits(timeline, kA, k100ms) == kNothing);
    CHECK(kept(timeline, kA, 100, 1).front() == kNothing);
  }
}

TEST_CASE("memory of waits: a promise of the README") {
  Timeline timeline({});
  constexpr CgroupKey kThrottled{33};
  timeline.apply(with_waits(with_appeared(with_appeared(window(0), kA), kB)));
  timeline.apply(with_waits(with_appeared(window(1), kThrottled)));
  CHECK(timeline.bytes(kB) < 400);
  const std::size_t never = timeline.bytes(kB);
  WindowIndex index = 2;
  timeline.apply(with_waits(window(index++), {{kA, crowded(1ms)}}));
  CHECK(timeline.bytes(kA) - never < 1'300);
  CHECK(timeline.bytes(kB) == never);

  WaitAmounts both = throttled(40ms, kParent);
  both.contention = 1ms;
  for (; index < 10'000; ++index) {
    timeline.apply(with_waits(window(index), {{kA, crowded(1ms)}, {kThrottled, both}}));
  }
  CHECK(timeline.bytes(kA) - never > 12'000);
  CHECK(timeline.bytes(kA) - never < 15'000);
  CHECK(timeline.bytes(kThrottled) - never > 39'000);
  CHECK(timeline.bytes(kThrottled) - never < 46'000);
  CHECK(timeline.bytes(kB) == never);

  // Five minutes and half a minute later, all that grew is given back.
  quiet(timeline, index, index + 3000 + 64 + 300);
  CHECK(timeline.bytes(kA) - never < 1'000);
  CHECK(timeline.bytes(kThrottled) - never < 1'000);
  CHECK(totals(timeline, kThrottled)->throttle > 0ms);
}

TEST_CASE("a short wait in a long quiet costs one chunk of its kind") {
  Timeline timeline({});
  timeline.apply(with_waits(with_appeared(window(0), kA), {{kA, crowded(1ms)}}));
  const std::size_t once = timeline.bytes(kA);
  quiet(timeline, 1, 2000);
  timeline.apply(with_waits(window(2000), {{kA, crowded(1ms)}}));
  CHECK(timeline.bytes(kA) - once < 400);
  // Waits that round to nothing cost nothing.
  const std::size_t twice = timeline.bytes(kA);
  timeline.apply(with_waits(
      window(2001), {{kA, {.throttle = 9ns, .contention = 0ns, .throttled = 9ns, .level = kOwn}}}));
  CHECK(timeline.bytes(kA) == twice);
  CHECK(kept(timeline, kA, 0, 1).front() == crowded(1ms));
  CHECK(kept(timeline, kA, 2000, 2) == std::vector<Waits>{crowded(1ms), kNothing});
}

}  // namespace
}  // namespace throttlelens::test
