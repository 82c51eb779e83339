// SPDX-License-Identifier: Apache-2.0
#include <unordered_map>

#include <catch2/catch.hpp>

#include "usage_check.h"

using namespace throttlelens;
using namespace std::chrono_literals;

namespace {

struct Counters final : CgroupCounters {
  Result<Nanoseconds> usage(CgroupKey) override {
    ++reads;
    if (!kernel) return std::unexpected(Error{.what = "read", .on = "cpu.stat", .code = ENODEV});
    return *kernel;
  }
  Result<Bandwidth> bandwidth(CgroupKey) override { return Bandwidth{}; }
  std::optional<Nanoseconds> kernel;
  int reads = 0;
};

struct At final : Clock {
  MonoTime now() const override { return time; }
  MonoTime time{};
};

// One cgroup that runs `use` a window, while the kernel counts `kernel_use`.
struct Bench {
  Bench() {
    group->key = {7};
    group->usage_before = 0ns;
    counters.kernel = 0ns;
  }

  Nanoseconds window(Nanoseconds use, Nanoseconds kernel_use, bool lost) {
    ++index;
    const MonoTime edge{100ms * index};
    group->used = use;
    group->total += use;
    // The counter is read 2 ms after the edge.
    at.time = edge + 2ms;
    before_edge += kernel_use;
    counters.kernel = before_edge + after_edge;
    std::vector<GroupTable::GroupPtr> active;
    if (use > 0ns) active.push_back(group);
    std::vector<UsageCorrection> corrections;
    check.window_done(edge, active, lost, 1, corrections);
    group->used = 0ns;
    Nanoseconds sum{0};
    for (const auto& correction : corrections) sum += correction.missed;
    return sum;
  }

  Counters counters;
  At at;
  UsageCheck check{counters, at};
  GroupTable::GroupPtr group = std::make_shared<Group>();
  Nanoseconds before_edge{0};
  Nanoseconds after_edge{0};  // ran between the edge and the reading of the counter
  int index = 0;
};

}  // namespace

TEST_CASE("nothing is corrected where windows and kernel agree") {
  Bench bench;
  for (int i = 0; i < 300; ++i) CHECK(bench.window(40ms, 40ms, i % 10 == 0) == 0ns);
  for (int i = 0; i < 10; ++i) CHECK(bench.window(0ms, 0ms, false) == 0ns);
}

TEST_CASE("what windows missed in a lossy one is added while busy, as far as it is certain") {
  Bench bench;
  Nanoseconds added = bench.window(40ms, 60ms, true);
  for (int i = 0; i < 10; ++i) added += bench.window(40ms, 40ms, false);
  // The counter was read 2 ms after the edge: up to 2 ms of it may be of the next window.
  CHECK(added >= 18ms);
  CHECK(added <= 20ms);
}

TEST_CASE("and exactly once it is quiet") {
  Bench bench;
  Nanoseconds added = bench.window(40ms, 60ms + 300us, true);
  for (int i = 0; i < 10; ++i) added += bench.window(40ms, 40ms, false);
  for (int i = 0; i < 5; ++i) added += bench.window(0ms, 0ms, false);
  CHECK(added == 20ms + 300us);
  CHECK(bench.group->total == bench.before_edge);
}

TEST_CASE("a load that runs right after every edge is not taken for a loss") {
  Bench bench;
  bench.after_edge = 2ms;  // all that is possible until the counter is read
  for (int i = 0; i < 300; ++i) CHECK(bench.window(10ms, 10ms, i % 3 == 0) == 0ns);
}

TEST_CASE("a burst right after a quiet edge is not taken for a loss") {
  Bench bench;
  bench.window(40ms, 40ms, true);
  bench.after_edge = 2ms;
  for (int i = 0; i < 6; ++i) {
    CHECK(bench.window(0ms, 0ms, false) == 0ns);
    CHECK(bench.window(2ms, 2ms, false) == 0ns);
  }
}

TEST_CASE("a removed cgroup is no longer asked for, and may be suspected again") {
  Bench bench;
  bench.window(40ms, 40ms, true);
  bench.counters.kernel.reset();
  bench.group->used = 0ns;
  std::vector<UsageCorrection> corrections;
  bench.check.window_done({10s}, {}, false, 1, corrections);
  CHECK(corrections.empty());
  CHECK_FALSE(bench.group->suspected);
  const int reads = bench.counters.reads;
  bench.check.window_done({10s}, {}, false, 1, corrections);
  CHECK(bench.counters.reads == reads);
}

TEST_CASE("without a known start there is nothing to compare") {
  Bench bench;
  bench.group->usage_before.reset();
  bench.window(40ms, 90ms, true);
  CHECK(bench.counters.reads == 0);
}
