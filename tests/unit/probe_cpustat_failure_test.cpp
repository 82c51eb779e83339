// SPDX-License-Identifier: Apache-2.0
// The cpustat source when readings fail: what it cannot know is absent, never 0 and never doubled.
#include <chrono>
#include <map>
#include <random>
#include <set>

#include <catch2/catch.hpp>

#include "probe_cpustat_fake.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

TEST_CASE("a reading that fails leaves two windows unknown, and the total right") {
  Bench bench;
  bench.counters.used = {{1, 0ns}, {2, 0ns}, {3, 0ns}};
  bench.at(1000ms, appeared({node(1, 0, "/"), node(2, 1, "/a"), node(3, 1, "/b")}));
  bench.counters.used = {{1, 60ms}, {2, 30ms}, {3, 30ms}};
  CHECK(bench.one(1100ms).unknown.empty());
  bench.counters.used = {{1, 120ms}, {2, 60ms}, {3, 60ms}};
  bench.counters.failing[2] = GENERATE(EMFILE, EINTR, EIO, ENOENT);
  const WindowBatch failed = bench.one(1200ms);
  CHECK(is_unknown(failed, 2));
  CHECK(used(failed, 2) == 0ns);
  CHECK(used(failed, 3) == 30ms);
  CHECK_FALSE(is_unknown(failed, 3));
  CHECK(failed.node.busy == 60ms);
  bench.counters.failing.clear();
  bench.counters.used = {{1, 180ms}, {2, 90ms}, {3, 90ms}};
  const WindowBatch next = bench.one(1300ms);
  CHECK(is_unknown(next, 2));
  CHECK(used(next, 2) == 0ns);
  CHECK(corrected(next, 2) == 60ms);
  CHECK(used(next, 3) == 30ms);
  bench.counters.used = {{1, 200ms}, {2, 110ms}, {3, 90ms}};
  const WindowBatch after = bench.one(1400ms);
  CHECK(after.unknown.empty());
  CHECK(after.corrections.empty());
  CHECK(used(after, 2) == 20ms);
}

TEST_CASE("a failed reading that no window needs costs nothing") {
  Bench bench;
  bench.counters.used = {{1, 0ns}, {2, 0ns}};
  bench.at(1000ms, kRootAndA);
  bench.one(1100ms);
  bench.counters.used[2] = 10ms;
  bench.counters.failing[2] = EMFILE;
  CHECK(bench.at(1150ms).empty());
  bench.counters.failing.clear();
  bench.counters.used[2] = 20ms;
  const WindowBatch batch = bench.one(1200ms);
  CHECK(batch.unknown.empty());
  CHECK(used(batch, 2) == 20ms);
}

TEST_CASE("known windows are right and the total is, whichever readings fail") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U, 5U, 6U);
  std::mt19937_64 random(seed);
  Bench bench;
  std::map<std::uint64_t, Nanoseconds>& used_now = bench.counters.used;
  used_now = {{1, 7h}, {2, 3h}};
  Nanoseconds now = random() % 2 == 0 ? 1000ms : 950ms;
  if (random() % 2 == 0) bench.counters.failing[2] = EMFILE;
  bench.at(now, kRootAndA);
  now = 1000ms;
  std::map<std::uint64_t, Nanoseconds> total;
  std::set<std::uint64_t> totals_known;
  int known = 0;
  for (int i = 0; i < 400; ++i) {
    if (i == 40) {  // a newborn, and its first readings may fail
      used_now[3] = 0ns;
      bench.at(now + 20ms, appeared({node(3, 2, "/a/n")}));
    }
    const auto before = used_now;
    for (auto& [id, usage] : used_now) usage += Nanoseconds(random() % 100'000'007);
    for (const auto& [id, usage] : used_now) {
      if (random() % 8 == 0) bench.counters.failing[id] = EMFILE;
      if (random() % 3 == 0) bench.counters.failing.erase(id);
    }
    now += 100ms;
    for (const WindowBatch& batch : bench.at(now)) {
      REQUIRE_FALSE(batch.missed);
      for (const CgroupAppeared& a : batch.appeared) {
        if (!a.usage_before) continue;
        total[a.key.id] = *a.usage_before;
        totals_known.insert(a.key.id);
      }
      for (const auto& [id, usage] : used_now) {
        total[id] += used(batch, id) + corrected(batch, id);
        if (is_unknown(batch, id)) {
          CHECK(used(batch, id) == 0ns);
          continue;
        }
        if (batch.first == static_cast<WindowIndex>(now / 100ms) - 1 && i != 0) {
          ++known;
          CHECK(used(batch, id) == usage - before.at(id));
        }
      }
    }
  }
  CHECK(known > 300);
  bench.counters.failing.clear();
  for (const WindowBatch& batch : bench.at(now + 100ms)) {
    for (const auto& [id, usage] : used_now) total[id] += used(batch, id) + corrected(batch, id);
  }
  CHECK(totals_known.contains(1));
  for (const std::uint64_t id : totals_known) CHECK(total[id] == used_now[id]);
}

TEST_CASE("an unreadable root leaves the node's busy time absent, not zero") {
  Bench bench;
  bench.counters.used = {{2, 0ns}};
  bench.at(1000ms, kRootAndA);
  CHECK_FALSE(bench.one(1100ms).node.busy);  // never read
  bench.counters.used[1] = 5h;
  CHECK_FALSE(bench.one(1200ms).node.busy);  // read, but not at the window's start
  bench.counters.used[1] += 30ms;
  CHECK(bench.one(1300ms).node.busy == 30ms);
  CHECK(bench.one(1400ms).node.busy == 0ms);
  bench.counters.failing[1] = EMFILE;
  CHECK_FALSE(bench.one(1500ms).node.busy);
}
