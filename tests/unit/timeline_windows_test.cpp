// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include <catch2/catch.hpp>

#include "timeline_batches.h"

namespace throttlelens::test {
namespace {

using Value = std::optional<Nanoseconds>;
constexpr Value kAbsent = std::nullopt;

TEST_CASE("nothing is ready before the first window") {
  Timeline timeline({});
  CHECK_FALSE(timeline.read().ready);
  timeline.apply(gap(5, 3));
  CHECK_FALSE(timeline.read().ready);
  CHECK(timeline.read().last_window == 7);
  timeline.apply(window(8));
  CHECK(timeline.read().ready);
  CHECK(timeline.read().last_window == 8);
}

TEST_CASE("a longer window is the sum of its base windows, on its own multiples") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(100, {{kA, 1ms}}), kA));
  for (WindowIndex i = 101; i < 110; ++i) timeline.apply(window(i, {{kA, 2ms}}));
  CHECK(read_window(timeline, kA, k1s).last == 19ms);
  CHECK(read_window(timeline, kA, k100ms).last == 2ms);
  timeline.apply(window(110, {{kA, 50ms}}));
  CHECK(read_window(timeline, kA, k1s).last == 19ms);
  CHECK(read_window(timeline, kA, k100ms).last == 50ms);
  CHECK(read_window(timeline, kA, k100ms).length == 100ms);
  CHECK(read_window(timeline, kA, k5s).length == 5s);
  CHECK(read_window(timeline, kA, k5s).last == kAbsent);
  idle(timeline, 111, 150);
  CHECK(read_window(timeline, kA, k5s).last == 69ms);
  CHECK(read_window(timeline, kA, k1s).last == 0ms);
}

TEST_CASE("a longer window that began before the first window observed is absent") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(103, {{kA, 1ms}}), kA));
  idle(timeline, 104, 110);
  CHECK(read_window(timeline, kA, k1s).last == kAbsent);
  CHECK(read_window(timeline, kA, k1s).peak == kAbsent);
  timeline.apply(window(110, {{kA, 3ms}}));
  idle(timeline, 111, 120);
  CHECK(read_window(timeline, kA, k1s).last == 3ms);
  CHECK(read_window(timeline, kA, k1s).peak == 3ms);
}

TEST_CASE("a window in the middle of which a cgroup appeared") {
  Timeline timeline({});
  idle(timeline, 100, 115);
  SECTION("is known when it had used nothing before") {
    timeline.apply(with_appeared(window(115, {{kA, 4ms}}), kA, 0ns));
    CHECK(read_window(timeline, kA, k1s).last == kAbsent);
    CHECK(read_window(timeline, kA, k100ms).last == 4ms);
    idle(timeline, 116, 120);
    CHECK(read_window(timeline, kA, k1s).last == 4ms);
    CHECK(read_window(timeline, kA, k1s).peak == 4ms);
  }
  SECTION("is absent when it had run before") {
    const Value before = GENERATE(Value(1ns), kAbsent);
    timeline.apply(with_appeared(window(115, {{kA, 4ms}}), kA, before));
    idle(timeline, 116, 120);
    CHECK(read_window(timeline, kA, k1s).last == kAbsent);
    CHECK(read_window(timeline, kA, k1s).peak == kAbsent);
    idle(timeline, 120, 130);
    CHECK(read_window(timeline, kA, k1s).last == 0ms);
    CHECK(read_window(timeline, kA, k1s).peak == 0ms);
  }
}

TEST_CASE("a gap belongs to the total and spoils every window it touches") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(100, {{kA, 1ms}}), kA));
  idle(timeline, 101, 110);
  timeline.apply(gap(110, 2, {{kA, 7ms}}));
  CHECK(read_one(timeline, kA)->total == 8ms);
  CHECK(read_window(timeline, kA, k100ms).last == kAbsent);
  CHECK(read_window(timeline, kA, k1s).last == 1ms);
  for (WindowIndex i = 112; i < 120; ++i) timeline.apply(window(i, {{kA, 30ms}}));
  CHECK(read_window(timeline, kA, k100ms).last == 30ms);
  CHECK(read_window(timeline, kA, k1s).last == kAbsent);
  CHECK(read_window(timeline, kA, k1s).peak == 1ms);
  for (WindowIndex i = 120; i < 130; ++i) timeline.apply(window(i, {{kA, 2ms}}));
  CHECK(read_window(timeline, kA, k1s).last == 20ms);
  CHECK(read_window(timeline, kA, k1s).peak == 20ms);
  CHECK(read_window(timeline, kA, k100ms).peak == 30ms);
  idle(timeline, 130, 150);
  CHECK(read_window(timeline, kA, k5s).last == kAbsent);
  CHECK(read_one(timeline, kA)->total == 268ms);
}

TEST_CASE("a window that is unknown for one cgroup is absent for it, not 0, and for no other") {
  Timeline timeline({});
  const auto without_a = [](WindowBatch batch) {
    batch.unknown.push_back(kA);
    return batch;
  };
  timeline.apply(
      with_limit(with_appeared(with_appeared(window(100, {{kA, 9ms}}), kA), kB), kA, cores(1)));
  idle(timeline, 101, 110);
  timeline.apply(without_a(window(110, {{kB, 3ms}})));
  CHECK(read_window(timeline, kA, k100ms).last == kAbsent);
  CHECK(read_window(timeline, kA, k100ms).peak == 9ms);
  CHECK(read_window(timeline, kB, k100ms).last == 3ms);
  // What was used meanwhile comes with the next reading, for the total.
  WindowBatch next = without_a(window(111));
  next.corrections.push_back({kA, 90ms});
  timeline.apply(next);
  CHECK(read_window(timeline, kA, k100ms).last == kAbsent);
  CHECK(read_one(timeline, kA)->total == 99ms);
  timeline.apply(window(112, {{kA, 4ms}}));
  CHECK(read_window(timeline, kA, k100ms).last == 4ms);
  CHECK(read_window(timeline, kA, k1s).last == 9ms);
  idle(timeline, 113, 120);
  CHECK(read_window(timeline, kA, k1s).last == kAbsent);
  CHECK(read_window(timeline, kA, k1s).peak == 9ms);
  CHECK(read_window(timeline, kB, k1s).last == 3ms);
  CHECK(read_used(timeline, kA, 109, 4) == std::vector<Value>{0ms, kAbsent, kAbsent, 4ms});
  const auto ratios = read_one(timeline, kA)->limit_ratio;
  std::uint64_t counted = 0;
  for (const std::uint64_t bucket : ratios->buckets) counted += bucket;
  CHECK(counted == 18);
  idle(timeline, 120, 150);
  CHECK(read_window(timeline, kA, k1s).last == 0ms);
  CHECK(read_window(timeline, kA, k5s).last == kAbsent);
  CHECK(read_window(timeline, kA, k5s).peak == kAbsent);
}

TEST_CASE("a peak is absent when no window of the last minute is known") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(1000, {{kA, 90ms}}), kA));
  for (WindowIndex i = 1001; i < 1600; ++i) {
    WindowBatch batch = window(i, {{kA, 5ms}});  // in spite of it: counts to the total only
    batch.unknown.push_back(kA);
    timeline.apply(batch);
  }
  CHECK(read_window(timeline, kA, k100ms).last == kAbsent);
  CHECK(read_window(timeline, kA, k100ms).peak == 90ms);
  CHECK(read_one(timeline, kA)->total == 90ms + 599 * 5ms);
  WindowBatch batch = window(1600);
  batch.unknown.push_back(kA);
  timeline.apply(batch);
  CHECK(read_window(timeline, kA, k100ms).peak == kAbsent);
  CHECK(timeline.bytes(kA) < 1000);
  idle(timeline, 1601, 1602);
  CHECK(read_window(timeline, kA, k100ms).peak == 0ms);
}

TEST_CASE("windows nobody spoke of are missed") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(100, {{kA, 1ms}}), kA));
  idle(timeline, 101, 108);
  timeline.apply(window(109, {{kA, 1ms}}));
  CHECK(read_window(timeline, kA, k1s).last == kAbsent);
  CHECK(read_window(timeline, kA, k100ms).last == 1ms);
}

TEST_CASE("a peak is the highest window that ended in the last minute, to the window") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(1000, {{kA, 90ms}}), kA));
  timeline.apply(window(1001, {{kA, 40ms}}));
  idle(timeline, 1002, 1600);
  CHECK(read_window(timeline, kA, k100ms).peak == 90ms);
  CHECK(read_window(timeline, kA, k1s).peak == 130ms);
  idle(timeline, 1600, 1601);
  CHECK(read_window(timeline, kA, k100ms).peak == 40ms);
  idle(timeline, 1601, 1602);
  CHECK(read_window(timeline, kA, k100ms).peak == 0ms);
  idle(timeline, 1602, 1609);
  CHECK(read_window(timeline, kA, k1s).peak == 130ms);
  idle(timeline, 1609, 1610);
  CHECK(read_window(timeline, kA, k1s).peak == 0ms);
  CHECK(read_window(timeline, kA, k5s).peak == 130ms);
}

TEST_CASE("a peak is absent when no window of the last minute was whole") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(1000, {{kA, 90ms}}), kA));
  timeline.apply(gap(1001, 599));
  CHECK(read_window(timeline, kA, k100ms).peak == 90ms);
  timeline.apply(gap(1600, 1));
  CHECK(read_window(timeline, kA, k100ms).peak == kAbsent);
  CHECK(read_window(timeline, kA, k100ms).last == kAbsent);
}

TEST_CASE("slowly falling use keeps its peaks") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(0), kA));
  for (WindowIndex i = 1; i <= 2000; ++i) {
    timeline.apply(window(i, {{kA, Nanoseconds(1'000'000 - static_cast<std::int64_t>(i))}}));
  }
  CHECK(read_window(timeline, kA, k100ms).peak == Nanoseconds(1'000'000 - 1401));
  CHECK(timeline.bytes(kA) < 50'000);
}

TEST_CASE("corrections belong to the total only") {
  Timeline timeline({});
  WindowBatch batch = with_appeared(window(100, {{kA, 1ms}}), kA);
  batch.corrections.push_back({kA, 5ms});
  timeline.apply(batch);
  CHECK(read_one(timeline, kA)->total == 6ms);
  CHECK(read_window(timeline, kA, k100ms).last == 1ms);
  CHECK(read_window(timeline, kA, k100ms).peak == 1ms);
}

TEST_CASE("a gone cgroup stays readable until it is forgotten") {
  Timeline timeline({});
  WindowBatch batch = with_appeared(window(100, {{kA, 1ms}}), kA);
  batch.gone.push_back(kA);
  timeline.apply(batch);
  CHECK(read_window(timeline, kA, k100ms).last == 1ms);
  idle(timeline, 101, 103);
  CHECK(read_one(timeline, kA)->total == 1ms);
  CHECK(read_window(timeline, kA, k100ms).last == 0ms);
  CHECK(read_window(timeline, kA, k100ms).peak == 1ms);
  timeline.forget(kA);
  CHECK_FALSE(read_one(timeline, kA));
  CHECK(timeline.bytes(kA) == 0);
  timeline.forget(kA);
}

TEST_CASE("a key that comes back after its cgroup was gone starts anew") {
  Timeline timeline({});
  WindowBatch batch = with_limit(with_appeared(window(100, {{kA, 9ms}}), kA), kA, cores(1));
  batch.gone.push_back(kA);
  timeline.apply(batch);
  timeline.apply(with_appeared(window(101, {{kA, 2ms}}), kA));
  CHECK(read_one(timeline, kA)->total == 2ms);
  CHECK(read_window(timeline, kA, k100ms).peak == 2ms);
  CHECK_FALSE(read_one(timeline, kA)->limit_ratio);
}

TEST_CASE("a living cgroup announced again counts from the kernel's counter it came with") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(100, {{kA, 9ms}}), kA));
  timeline.apply(with_appeared(window(101, {{kA, 2ms}}), kA, std::nullopt));
  CHECK(read_one(timeline, kA)->total == 11ms);
  timeline.apply(with_appeared(window(102, {{kA, 3ms}}), kA, 11ms));
  CHECK(read_one(timeline, kA)->total == 3ms);
  CHECK(read_window(timeline, kA, k100ms).peak == 9ms);
}

TEST_CASE("a cgroup that was never announced appears with the batch that names it") {
  Timeline timeline({});
  idle(timeline, 100, 105);
  timeline.apply(window(105, {{kA, 1ms}}));
  WindowBatch other = with_limit(window(106), kB, cores(1));
  other.gone.push_back(CgroupKey{99});
  timeline.apply(other);
  idle(timeline, 107, 110);
  CHECK(read_one(timeline, kA)->total == 1ms);
  CHECK(read_window(timeline, kA, k1s).last == kAbsent);
  CHECK(read_one(timeline, kB)->total == 0ms);
  CHECK_FALSE(read_one(timeline, CgroupKey{99}));
}

TEST_CASE("batches out of order are ignored") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(100, {{kA, 1ms}}), kA));
  timeline.apply(window(100, {{kA, 50ms}}));
  timeline.apply(window(99, {{kA, 50ms}}));
  timeline.apply(gap(98, 10, {{kA, 50ms}}));
  CHECK(read_one(timeline, kA)->total == 1ms);
  CHECK(timeline.read().last_window == 100);
  timeline.apply(window(std::numeric_limits<WindowIndex>::max(), {{kA, 50ms}}));
  CHECK(timeline.read().last_window == 100);
}

TEST_CASE("a batch of no windows changes totals and nothing else") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(100, {{kA, 1ms}}), kA));
  WindowBatch none = window(101, {{kA, 2ms}});
  none.count = 0;
  timeline.apply(none);
  CHECK(read_one(timeline, kA)->total == 3ms);
  CHECK(read_window(timeline, kA, k100ms).last == 1ms);
  CHECK(timeline.read().last_window == 100);
}

TEST_CASE("hostile values stay within bounds") {
  Timeline timeline({});
  timeline.apply(with_limit(with_appeared(window(100), kA), kA, cores(1)));
  for (WindowIndex i = 101; i < 130; ++i) {
    timeline.apply(window(i, {{kA, Nanoseconds::max()}, {kA, Nanoseconds::max()}}));
  }
  CHECK(read_one(timeline, kA)->total == Nanoseconds::max());
  CHECK(read_window(timeline, kA, k1s).last == Nanoseconds::max());
  timeline.apply(window(130, {{kA, Nanoseconds::min()}}));
  CHECK(read_window(timeline, kA, k100ms).last == 0ns);
  const WindowIndex far = WindowIndex{1} << 61;
  timeline.apply(window(far, {{kA, 1ms}}));
  CHECK(read_window(timeline, kA, k100ms).last == 1ms);
  CHECK(read_window(timeline, kA, k100ms).peak == 1ms);
  timeline.apply(gap(far + 1, std::numeric_limits<std::uint32_t>::max(), {{kA, 1ms}}));
  CHECK(read_window(timeline, kA, k100ms).peak == kAbsent);
}

TEST_CASE("a cgroup named twice in a batch has the sum") {
  Timeline timeline({});
  timeline.apply(with_limit(with_appeared(window(100), kA), kA, cores(1)));
  timeline.apply(window(101, {{kA, 30ms}, {kA, 50ms}}));
  CHECK(read_window(timeline, kA, k100ms).last == 80ms);
  CHECK(read_one(timeline, kA)->limit_ratio->sum == Approx(0.8));
  CHECK(read_used(timeline, kA, 101, 1).front() == 80ms);
}

}  // namespace
}  // namespace throttlelens::test
