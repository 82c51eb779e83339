// SPDX-License-Identifier: Apache-2.0
// The cpustat source: cgroups that come and go, counters that fail or are set back, bandwidth.
#include <chrono>

#include <catch2/catch.hpp>

#include "probe_cpustat_fake.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

TEST_CASE("a newborn counts from zero, also before its birth was told") {
  Bench bench;
  bench.counters.used = {{1, 0ns}, {2, 0ns}};
  bench.at(1000ms, kRootAndA);
  bench.one(1100ms);
  bench.counters.used[3] = 40ms;
  const WindowBatch batch = bench.one(1200ms, appeared({node(3, 2, "/a/n")}));
  REQUIRE(batch.appeared.size() == 1);
  CHECK(batch.appeared[0].usage_before == Nanoseconds(0));
  CHECK(batch.appeared[0].parent.id == 2);
  CHECK(used(batch, 3) == 40ms);

  // More than the CPUs could do since: it is older than its directory here.
  bench.counters.used[4] = 24h;
  const WindowBatch old = bench.one(1300ms, appeared({node(4, 2, "/a/old")}));
  CHECK(old.appeared[0].usage_before == Nanoseconds(24h));
  CHECK(used(old, 4) == 0ns);
  CHECK(is_unknown(old, 4));  // what it used of them in this window
}

TEST_CASE("a cgroup that vanished hands on what was read last") {
  Bench bench;
  bench.counters.used = {{1, 0ns}, {2, 0ns}};
  bench.at(1000ms, kRootAndA);
  bench.counters.used[2] = 120ms;
  CHECK(used(bench.one(1120ms), 2) == 100ms);
  bench.counters.used.erase(2);
  const WindowBatch batch = bench.one(1210ms, gone({{2}}));
  CHECK(used(batch, 2) == 20ms);
  CHECK(batch.gone == std::vector<CgroupKey>{{2}});
  CHECK(bench.one(1300ms).gone.empty());
}

TEST_CASE("gone before it was told of: in no batch") {
  Bench bench;
  bench.counters.used = {{1, 0ns}};
  bench.at(1000ms, appeared({node(1, 0, "/")}));
  bench.counters.used[3] = 1ms;
  bench.at(1030ms, appeared({node(3, 1, "/n")}));
  bench.at(1060ms, gone({{3}}));
  const WindowBatch batch = bench.one(1100ms);
  CHECK(batch.appeared.size() == 1);
  CHECK(batch.gone.empty());
}

TEST_CASE("a renamed cgroup ends in one batch and appears in a later one") {
  Bench bench;
  bench.counters.used = {{1, 0ns}, {2, 5h}};
  bench.at(1000ms, kRootAndA);
  bench.one(1100ms);
  CHECK(bench.at(1120ms, gone({{2}})).empty());
  CHECK(bench.at(1140ms, appeared({node(2, 1, "/z")})).empty());
  const WindowBatch end = bench.one(1200ms);
  CHECK(end.gone.size() == 1);
  CHECK(end.appeared.empty());
  const WindowBatch again = bench.one(1300ms);
  REQUIRE(again.appeared.size() == 1);
  CHECK(again.appeared[0].path == "/z");
  CHECK(again.appeared[0].usage_before == Nanoseconds(5h));
}

TEST_CASE("a newborn whose usage is not there yet is told of when it is") {
  Bench bench;
  bench.counters.used = {{1, 0ns}};
  bench.at(1000ms, appeared({node(1, 0, "/")}));
  bench.one(1100ms);
  CHECK(bench.one(1200ms, appeared({node(3, 1, "/n"), node(4, 3, "/n/m")})).appeared.empty());
  bench.counters.used[4] = 3ms;  // the parent is told of first, though not read yet
  WindowBatch batch = bench.one(1300ms);
  REQUIRE(batch.appeared.size() == 2);
  CHECK(batch.appeared[0].key.id == 3);
  CHECK(batch.appeared[0].usage_before == Nanoseconds(0));
  CHECK(used(batch, 4) == 3ms);
  bench.counters.used[3] = 5ms;
  CHECK(used(bench.one(1400ms), 3) == 5ms);
}

TEST_CASE("usage that never comes is absent, not zero") {
  Bench bench;
  bench.counters.used = {{1, 0ns}};
  bench.at(1000ms, kRootAndA);
  const WindowBatch first = bench.one(1100ms);
  REQUIRE(first.appeared.size() == 2);
  CHECK_FALSE(first.appeared[1].usage_before);
  CHECK(is_unknown(first, 2));

  bench.at(1200ms, appeared({node(3, 1, "/n")}));
  int told = 0;
  for (auto now = 1300ms; now < 4000ms; now += 100ms) {
    const WindowBatch batch = bench.one(now);
    for (const CgroupAppeared& a : batch.appeared) {
      ++told;
      CHECK_FALSE(a.usage_before);
    }
    CHECK(is_unknown(batch, 2));
    CHECK(is_unknown(batch, 3) == (told == 1));
  }
  CHECK(told == 1);
  const int before = bench.counters.usage_reads;
  for (auto now = 4000ms; now < 5000ms; now += 100ms) bench.one(now);
  CHECK(bench.counters.usage_reads - before <= 12);  // the root, and hardly ever the others

  bench.counters.used[2] = 9h;  // not all at once into one window
  Nanoseconds sum{0};
  for (auto now = 5000ms; now < 15000ms; now += 100ms) sum += used(bench.one(now), 2);
  CHECK(sum == 0ns);
  bench.counters.used[2] += 7ms;
  CHECK(used(bench.one(15000ms), 2) == 7ms);
  bench.counters.used[3] = 11ms;  // of any time since it was told of
  for (auto now = 15100ms; now < 25000ms; now += 100ms) {
    const WindowBatch batch = bench.one(now);
    CHECK(used(batch, 3) == 0ns);
    sum += corrected(batch, 3);
  }
  CHECK(sum == 11ms);
}

TEST_CASE("counters that are set back or round down never count backwards") {
  Bench bench;
  bench.counters.used = {{1, 0ns}, {2, 60s}};
  bench.at(1000ms, kRootAndA);
  bench.one(1100ms);
  bench.counters.used[2] = 60s - 2us;
  CHECK(bench.one(1200ms).use.empty());
  bench.counters.used[2] = 60s + 3us;
  CHECK(used(bench.one(1300ms), 2) == 3us);
  bench.counters.used[2] = 1ms;  // someone wrote 0 to cpuacct.usage
  CHECK(bench.one(1400ms).use.empty());
  bench.counters.used[2] = 5ms;
  CHECK(used(bench.one(1500ms), 2) == 4ms);
}

TEST_CASE("bandwidth is told at first and when it changed; read only where it can change") {
  Bench bench;
  bench.counters.used = {{1, 0ns}, {2, 0ns}, {3, 0ns}};
  bench.counters.bandwidths[2] = Bandwidth{};
  bench.at(1000ms, appeared({node(1, 0, "/"), node(2, 1, "/a"), node(3, 1, "/b")}));
  WindowBatch batch = bench.one(1100ms);
  REQUIRE(batch.bandwidth.size() == 1);
  CHECK(batch.bandwidth[0].key.id == 2);
  CHECK(bench.counters.bandwidth_reads == 2);  // not the root
  CHECK(bench.one(1200ms).bandwidth.empty());
  CHECK(bench.counters.bandwidth_reads == 2);

  const CpuLimit limit{.quota = 20ms, .period = 100ms, .burst = 0ns};
  bench.counters.bandwidths[2].limit = limit;
  TreeChanges written;
  written.limits_changed = {{2}, {77}};
  batch = bench.one(1300ms, written);
  REQUIRE(batch.bandwidth.size() == 1);
  CHECK(batch.bandwidth[0].value->limit == limit);
  bench.counters.bandwidths[2].nr_periods = 1;
  CHECK(bench.one(1400ms).bandwidth.size() == 1);
  CHECK(bench.one(1500ms).bandwidth.empty());
  CHECK(bench.counters.bandwidth_reads == 5);
}

TEST_CASE("bandwidth is absent once the cpu controller is switched off, and told when it is back") {
  Bench bench;
  const CpuLimit limit{.quota = 20ms, .period = 100ms, .burst = 0ns};
  bench.counters.used = {{1, 0ns}, {2, 0ns}};
  bench.counters.bandwidths[2] = {
      .limit = limit, .nr_periods = 9, .nr_bursts = {}, .burst_time = {}};
  bench.at(1000ms, kRootAndA);
  CHECK(bench.one(1100ms).bandwidth.size() == 1);

  bench.counters.bandwidths.erase(2);
  bench.counters.used[2] = 30ms;  // the kernel goes on counting use
  TreeChanges switched;
  switched.limits_changed = {{2}};
  WindowBatch batch = bench.one(1200ms, switched);
  REQUIRE(batch.bandwidth.size() == 1);
  CHECK(batch.bandwidth[0].key.id == 2);
  CHECK_FALSE(batch.bandwidth[0].value);
  CHECK(used(batch, 2) == 30ms);
  CHECK(bench.one(1300ms).bandwidth.empty());

  bench.counters.bandwidths[2] = Bandwidth{};  // as new
  batch = bench.one(1400ms, switched);
  REQUIRE(batch.bandwidth.size() == 1);
  CHECK(batch.bandwidth[0].value == Bandwidth{});

  // A cgroup that is gone altogether has no controller either: what was read last stays.
  bench.counters.bandwidths.erase(2);
  bench.counters.failing[2] = ENODEV;
  CHECK(bench.one(1500ms, switched).bandwidth.empty());
}

TEST_CASE("the first max_cgroups are kept, the others counted once, a freed place is used again") {
  Bench bench(2);
  bench.counters.used = {{1, 0ns}, {2, 0ns}, {3, 0ns}, {4, 0ns}, {5, 0ns}};
  bench.at(1000ms, appeared({node(1, 0, "/"), node(2, 1, "/a"), node(3, 1, "/b")}));
  WindowBatch batch = bench.one(1100ms, appeared({node(4, 1, "/c")}));
  CHECK(batch.appeared.size() == 2);
  CHECK(batch.losses.dropped_cgroups == 2);
  CHECK(bench.one(1200ms, gone({{3}})).gone.empty());
  bench.one(1300ms, gone({{2}}));
  batch = bench.one(1400ms, appeared({node(5, 1, "/d")}));
  REQUIRE(batch.appeared.size() == 1);
  CHECK(batch.appeared[0].key.id == 5);
  CHECK(batch.losses.dropped_cgroups == 2);
}
