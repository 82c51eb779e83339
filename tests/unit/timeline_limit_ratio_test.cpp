// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include <catch2/catch.hpp>

#include "timeline_batches.h"

namespace throttlelens::test {
namespace {

using Buckets = decltype(LimitRatioHistogram::buckets);

LimitRatioHistogram ratios(const Timeline& timeline, CgroupKey key) {
  const auto series = read_one(timeline, key);
  REQUIRE(series);
  REQUIRE(series->limit_ratio);
  return *series->limit_ratio;
}

std::uint64_t count(const LimitRatioHistogram& histogram) {
  return std::accumulate(histogram.buckets.begin(), histogram.buckets.end(), std::uint64_t{0});
}

TEST_CASE("no limit, no ratios; windows before the limit was known are not counted") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(100, {{kA, 40ms}}), kA));
  timeline.apply(with_limit(window(101, {{kA, 40ms}}), kA, std::nullopt));
  CHECK_FALSE(read_one(timeline, kA)->limit_ratio);
  timeline.apply(with_limit(window(102, {{kA, 40ms}}), kA, cores(0.5)));
  CHECK(count(ratios(timeline, kA)) == 1);
  CHECK(ratios(timeline, kA).sum == Approx(0.8));
}

TEST_CASE("a ratio on a bound is counted under it") {
  Timeline timeline({});
  timeline.apply(with_limit(with_appeared(window(99), kA), kA, cores(1)));
  Buckets expected{1};
  WindowIndex index = 100;
  for (std::size_t i = 0; i < kLimitRatioBounds.size(); ++i) {
    const Nanoseconds on_bound(static_cast<std::int64_t>(kLimitRatioBounds[i] * 1e8 + 0.5));
    timeline.apply(window(index++, {{kA, on_bound}}));
    timeline.apply(window(index++, {{kA, on_bound + 1ns}}));
    ++expected[i];
    ++expected[i + 1];
  }
  CHECK(ratios(timeline, kA).buckets == expected);
}

TEST_CASE("the limit is scaled from its period to the window") {
  Timeline timeline({});
  const CpuLimit limit{.quota = 10ms, .period = 50ms, .burst = 10ms};
  timeline.apply(with_limit(with_appeared(window(100, {{kA, 30ms}}), kA), kA, limit));
  CHECK(ratios(timeline, kA).sum == Approx(1.5));
  CHECK(ratios(timeline, kA).buckets[7] == 1);
}

TEST_CASE("idle windows are counted at 0, missed ones are not") {
  Timeline timeline({});
  timeline.apply(with_limit(with_appeared(window(100, {{kA, 80ms}}), kA), kA, cores(1)));
  idle(timeline, 101, 111);
  timeline.apply(gap(111, 5, {{kA, 300ms}}));
  idle(timeline, 116, 118);
  CHECK(ratios(timeline, kA).buckets == Buckets{12, 0, 0, 0, 1});
  timeline.apply(window(120, {{kA, 80ms}}));
  CHECK(ratios(timeline, kA).buckets == Buckets{12, 0, 0, 0, 2});
  CHECK(ratios(timeline, kA).sum == Approx(1.6));
}

TEST_CASE("a new limit measures the windows from its batch on, none before") {
  Timeline timeline({});
  timeline.apply(with_limit(with_appeared(window(100, {{kA, 80ms}}), kA), kA, cores(1)));
  timeline.apply(with_limit(window(101, {{kA, 80ms}}), kA, cores(2)));
  CHECK(ratios(timeline, kA).sum == Approx(0.8 + 0.4));
}

TEST_CASE("a removed limit freezes the ratios until there is one again") {
  Timeline timeline({});
  timeline.apply(with_limit(with_appeared(window(100, {{kA, 80ms}}), kA), kA, cores(1)));
  idle(timeline, 101, 103);
  timeline.apply(with_limit(window(103, {{kA, 90ms}}), kA, std::nullopt));
  idle(timeline, 104, 120);
  CHECK(ratios(timeline, kA).buckets == Buckets{2, 0, 0, 0, 1});
  timeline.apply(with_limit(window(120), kA, cores(1)));
  CHECK(ratios(timeline, kA).buckets == Buckets{3, 0, 0, 0, 1});
}

TEST_CASE("a removed cgroup is not counted as idle") {
  Timeline timeline({});
  WindowBatch last = with_limit(with_appeared(window(100, {{kA, 80ms}}), kA), kA, cores(1));
  last.gone.push_back(kA);
  timeline.apply(last);
  timeline.apply(with_limit(window(101), kA, cores(1)));
  idle(timeline, 102, 120);
  CHECK(ratios(timeline, kA).buckets == Buckets{0, 0, 0, 0, 1});
}

TEST_CASE("a limit that makes no sense is none") {
  Timeline timeline({});
  const CpuLimit nonsense = GENERATE(CpuLimit{.quota = 0ns, .period = 100ms, .burst = 0ns},
                                     CpuLimit{.quota = 10ms, .period = 0ns, .burst = 0ns},
                                     CpuLimit{.quota = -1ns, .period = -1ns, .burst = 0ns});
  timeline.apply(with_limit(with_appeared(window(100, {{kA, 80ms}}), kA), kA, nonsense));
  idle(timeline, 101, 103);
  CHECK_FALSE(read_one(timeline, kA)->limit_ratio);
}

}  // namespace
}  // namespace throttlelens::test
