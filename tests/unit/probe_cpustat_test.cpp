// SPDX-License-Identifier: Apache-2.0
// The cpustat source: which window gets what, and that nothing is lost between them.
#include <chrono>
#include <random>

#include <catch2/catch.hpp>

#include "probe_cpustat_fake.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

TEST_CASE("polls on the edges give the differences") {
  Bench bench;
  bench.counters.used = {{1, 10s}, {2, 4s}};
  CHECK(bench.at(1000ms, kRootAndA).empty());
  CHECK(bench.at(1050ms).empty());
  bench.counters.used = {{1, 10s + 90ms}, {2, 4s + 30ms}};
  const WindowBatch batch = bench.one(1100ms);
  CHECK(batch.first == 10);
  CHECK(batch.count == 1);
  CHECK_FALSE(batch.missed);
  REQUIRE(batch.appeared.size() == 2);
  CHECK(batch.appeared[0].path == "/");
  CHECK(batch.appeared[0].parent.id == 0);
  CHECK(batch.appeared[0].usage_before == Nanoseconds(10s));
  CHECK(batch.appeared[1].usage_before == Nanoseconds(4s));
  CHECK(used(batch, 1) == 90ms);
  CHECK(used(batch, 2) == 30ms);
  CHECK(batch.node.busy == 90ms);
  CHECK(batch.node.cpus_online > 0);
  CHECK_FALSE(batch.node.idle);
  CHECK_FALSE(batch.losses.lost_switches);
  CHECK(batch.corrections.empty());
  CHECK(bench.source->info().tier == "cpustat");

  const WindowBatch idle = bench.one(1200ms);
  CHECK(idle.use.empty());
  CHECK(idle.appeared.empty());
}

TEST_CASE("use is cut at the window's edge between two polls") {
  Bench bench;
  bench.counters.used = {{1, 0ns}, {2, 1000ms}};
  bench.at(950ms, kRootAndA);  // the first window is [1000, 1100)
  bench.counters.used[2] = 1100ms;
  CHECK(bench.at(1050ms).empty());
  bench.counters.used[2] = 1200ms;
  const WindowBatch first = bench.one(1150ms);
  CHECK(first.first == 10);
  CHECK(first.appeared[1].usage_before == Nanoseconds(1050ms));
  CHECK(used(first, 2) == 100ms);  // 1050 at 1000 ms, 1150 at 1100 ms
  bench.counters.used[2] = 1210ms;
  CHECK(used(bench.one(1250ms), 2) == 55ms);
}

TEST_CASE("windows and gaps add up to the kernel's counter, whatever the times") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U);
  std::mt19937_64 random(seed);
  Bench bench;
  bench.counters.used = {{1, 0ns}, {2, 777ns}};
  Nanoseconds now = 12345678ns;
  bench.at(now, kRootAndA);
  Nanoseconds before{};
  Nanoseconds sum{0};
  std::uint64_t next = 1;
  std::uint64_t missed = 0;
  bool began = false;
  for (int i = 0; i < 2000; ++i) {
    now += Nanoseconds(1 + random() % (i % 50 == 0 ? 1'000'000'000 : 130'000'000));
    bench.counters.used[2] += Nanoseconds(random() % 100'000'007);
    for (const WindowBatch& batch : bench.at(now)) {
      for (const CgroupAppeared& a : batch.appeared) {
        if (a.key.id == 2) {
          REQUIRE(a.usage_before);
          before = *a.usage_before;
          began = true;
        }
      }
      REQUIRE(batch.first == next);
      REQUIRE((batch.missed || batch.count == 1));
      next += batch.count;
      if (batch.missed) missed += batch.count;
      REQUIRE(batch.losses.missed_windows >= missed);
      sum += used(batch, 2);
      REQUIRE(before + sum <= bench.counters.used[2]);
    }
  }
  REQUIRE(began);
  CHECK(missed > 0);
  CHECK(next == static_cast<std::uint64_t>(now / 100ms));
  // A poll on an edge leaves nothing over.
  now = 100ms * static_cast<std::int64_t>(next + 1);
  bench.counters.used[2] += 1234567ns;
  for (const WindowBatch& batch : bench.at(now)) sum += used(batch, 2);
  CHECK(before + sum == bench.counters.used[2]);
}

TEST_CASE("a late poll is a gap, a bit of jitter is not") {
  Bench bench;
  bench.counters.used = {{1, 0ns}, {2, 0ns}};
  bench.at(1000ms, kRootAndA);
  bench.one(1190ms);
  bench.counters.used[2] = 115ms;
  const auto two = bench.at(1305ms);
  REQUIRE(two.size() == 2);
  CHECK(two[0].first == 11);
  CHECK(used(two[0], 2) == 10ms);
  CHECK(two[1].first == 12);
  CHECK(used(two[1], 2) == 100ms);
  CHECK(two[1].losses.missed_windows == 0);

  bench.counters.used[2] = 500ms;
  const WindowBatch gap = bench.one(1700ms);
  CHECK(gap.missed);
  CHECK(gap.first == 13);
  CHECK(gap.count == 4);
  CHECK(used(gap, 2) == 390ms);
  CHECK(gap.losses.missed_windows == 4);
  const WindowBatch next = bench.one(1800ms);
  CHECK(next.first == 17);
  CHECK_FALSE(next.missed);
  CHECK(next.losses.missed_windows == 4);
}

TEST_CASE("windows whose common edge is far from both polls are a gap") {
  Bench bench;
  bench.counters.used = {{1, 0ns}, {2, 0ns}};
  bench.at(1000ms, kRootAndA);
  bench.one(1110ms);
  bench.counters.used[2] = 80ms;
  const WindowBatch gap = bench.one(1300ms);
  CHECK(gap.missed);
  CHECK(gap.first == 11);
  CHECK(gap.count == 2);
  CHECK(used(gap, 2) == 80ms);
  CHECK(gap.losses.missed_windows == 2);
}

TEST_CASE("a clock that stands still or goes back ends no window") {
  Bench bench;
  bench.counters.used = {{1, 0ns}, {2, 0ns}};
  bench.at(1000ms, kRootAndA);
  bench.one(1100ms);
  CHECK(bench.at(1100ms).empty());
  CHECK(bench.at(900ms).empty());
  CHECK(bench.one(1200ms).first == 11);
}
