// SPDX-License-Identifier: Apache-2.0
// The truth suite: loads of known shape on the real kernel, held against the load's own record and
// the kernel's own counters. Several loads run at once: neighbours are part of the truth.
#include "truth.h"

#include <algorithm>

#include <catch2/catch.hpp>
#include <unistd.h>

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

namespace {

using Words = std::vector<std::string>;

bool any_running(std::vector<LoadProcess>& loads) {
  return std::ranges::any_of(loads, [](LoadProcess& load) { return load.running(); });
}

// Runs one load per cgroup at the same time and makes both comparisons for each.
void observe(Observer& observer, const std::vector<const ScopedCgroup*>& groups,
             const std::vector<Words>& arguments, std::vector<const ScopedCgroup*> parents = {}) {
  parents.insert(parents.end(), groups.begin(), groups.end());
  std::vector<LoadProcess> loads;
  for (std::size_t i = 0; i < groups.size(); ++i)
    loads.emplace_back(arguments[i], procs_of(*groups[i]));
  start(observer, parents, loads);
  observer.run_until([&] { return !any_running(loads); });
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const LoadRecord record = loads[i].finish();
    check_sum(observer, *groups[i]);
    check_windows(observer, groups[i]->path(), record);
  }
}

}  // namespace

TEST_CASE("steady shapes: a pinned hog, 50 us on and off, 7 ms on and 3 ms off") {
  ScopedCgroup hog;
  ScopedCgroup fast;
  ScopedCgroup slow;
  Observer observer;
  observe(observer, {&hog, &fast, &slow},
          {{"--pin", "0", "--duration", "10s"},
           {"--busy", "50us", "--idle", "50us", "--duration", "10s"},
           {"--busy", "7ms", "--idle", "3ms", "--duration", "10s"}});
}

TEST_CASE("bursts: four threads 200 ms on and 2 s off, alone") {
  ScopedCgroup group;
  Observer observer;
  observe(observer, {&group},
          {{"--threads", "4", "--busy", "200ms", "--idle", "2s", "--duration", "10s"}});
}

TEST_CASE("more hogs than CPUs") {
  ScopedCgroup one;
  ScopedCgroup many;
  Observer observer;
  observe(observer, {&one, &many},
          {{"--duration", "10s"}, {"--threads", "5", "--duration", "10s"}});
}

TEST_CASE("a storm of short-lived processes") {
  ScopedCgroup group;
  Observer observer;
  LoadProcess load({"--fork-storm", "--threads", "2", "--duration", "10s"}, procs_of(group));
  start(observer, {&group}, load);
  observer.run_until([&] { return !load.running(); });
  const LoadRecord record = load.finish();
  CHECK(record.iterations > 100);
  check_sum(observer, group);
  // What the children say of themselves leaves out the end of their exit.
  CHECK(observer.of(group.path()).total() >= record.cpu * 98 / 100);
}

TEST_CASE("quota: two threads under 20 %, and a quota on the parent only") {
  ScopedCgroup limited;
  limited.set_limit({.quota = 20ms, .period = 100ms});
  ScopedCgroup parent;
  parent.set_limit({.quota = 10ms, .period = 100ms});
  ScopedCgroup child = parent.child("app");
  Observer observer;
  observe(observer, {&limited, &child},
          {{"--threads", "2", "--duration", "10s"}, {"--duration", "10s"}}, {&parent});
  check_sum(observer, parent);
  // The last period may end after the load: the counters stand still a moment later.
  observer.run_for(1s);
  check_bandwidth(observer, limited);
  check_bandwidth(observer, parent);
  check_bandwidth(observer, child);
  CHECK(observer.of(limited.path()).bandwidth->nr_throttled >= 80);
  CHECK(observer.of(parent.path()).bandwidth->nr_throttled >= 80);
  CHECK(observer.of(child.path()).bandwidth->nr_throttled == 0);
  CHECK(observer.of(limited.path()).bandwidth->limit == CpuLimit{.quota = 20ms, .period = 100ms});
  CHECK_FALSE(observer.of(child.path()).bandwidth->limit);
}

TEST_CASE("counters in between are those of cpu.stat at that moment, and a new limit is seen") {
  ScopedCgroup group;
  group.set_limit({.quota = 20ms, .period = 100ms});
  Observer observer;
  LoadProcess load({"--threads", "2", "--duration", "4s"}, procs_of(group));
  load.go();
  int compared = 0;
  observer.run_until([&] {
    const std::uint64_t periods = group.stat_field("nr_periods").value();
    const std::uint64_t throttled = group.stat_field("nr_throttled").value();
    observer.collect();
    const std::uint64_t periods_after = group.stat_field("nr_periods").value();
    const std::uint64_t throttled_after = group.stat_field("nr_throttled").value();
    if (const auto& seen = observer.of(group.path()); seen.bandwidth && periods > 0) {
      CHECK(seen.bandwidth->nr_periods >= periods);
      CHECK(seen.bandwidth->nr_periods <= periods_after);
      CHECK(seen.bandwidth->nr_throttled >= throttled);
      CHECK(seen.bandwidth->nr_throttled <= throttled_after);
      ++compared;
    }
    return !load.running();
  });
  CHECK(compared >= 20);
  (void)load.finish();
  group.set_limit({.quota = 50ms, .period = 50ms});
  observer.run_for(300ms);
  CHECK(observer.of(group.path()).bandwidth->limit == CpuLimit{.quota = 50ms, .period = 50ms});
  group.clear_limit();
  observer.run_for(300ms);
  CHECK_FALSE(observer.of(group.path()).bandwidth->limit);
}

TEST_CASE("three levels: each level is the sum of what is below it") {
  ScopedCgroup top;
  ScopedCgroup middle = top.child("middle");
  ScopedCgroup leaf = middle.child("leaf");
  ScopedCgroup other = middle.child("other");
  Observer observer;
  observe(observer, {&leaf, &other},
          {{"--busy", "5ms", "--idle", "11ms", "--duration", "5s"},
           {"--busy", "20ms", "--idle", "7ms", "--duration", "5s"}},
          {&top, &middle});
  check_sum(observer, middle);
  check_sum(observer, top);
  for (const auto& [index, used] : observer.of(top.path()).windows) {
    const auto& windows = observer.of(middle.path()).windows;
    const auto it = windows.find(index);
    CHECK((it == windows.end() ? 0ns : it->second) == used);
  }
  CHECK(observer.of("/").total() >= observer.of(top.path()).total());
}

TEST_CASE("a hog that ran before the source started") {
  ScopedCgroup group;
  LoadProcess load({"--pin", "1", "--duration", "60s"}, procs_of(group));
  load.go();
  while (group.usage() < 100ms) ::usleep(10'000);
  Observer observer;
  const MonoTime end = observer.clock().now() + 4s;
  observer.run_until([&] {
    if (observer.clock().now() >= end) load.stop();
    return !load.running();
  });
  const LoadRecord record = load.finish();
  const Observed& seen = observer.of(group.path());
  REQUIRE(seen.usage_before);
  check_windows(observer, group.path(), record);
  // The counter when we came plus our windows is the counter now, to the tick we came in.
  const auto difference = (*seen.usage_before + seen.total() - group.usage()).count();
  std::printf("  total - kernel, started late %49.3f us\n", static_cast<double>(difference) / 1e3);
  CHECK(std::abs(difference) <= 5'000'000);
}

TEST_CASE("a thread moved between cgroups while it runs is charged where it ran") {
  ScopedCgroup a;
  ScopedCgroup b;
  Observer observer;
  LoadProcess load({"--pin", "0", "--duration", "4s"}, procs_of(a));
  start(observer, {&a, &b}, load);
  auto next = observer.clock().now() + 300ms;
  bool in_a = true;
  observer.run_until([&] {
    if (observer.clock().now() >= next && load.running()) {
      for (const pid_t pid : (in_a ? a : b).processes()) (in_a ? b : a).add_process(pid);
      in_a = !in_a;
      next = next + 370ms;
    }
    return !load.running();
  });
  (void)load.finish();
  // v2 charges what the thread ran since the last tick (4 ms) to the cgroup it comes to; v1 moves
  // it twice, once a hierarchy, and the mover may be preempted in between. 12 moves.
  const Nanoseconds doubt = ScopedCgroup::mode() == CgroupMode::v2 ? 12 * 4ms : 8ms;
  check_sum(observer, a, 0, doubt);
  check_sum(observer, b, 0, doubt);
}

TEST_CASE("real-time threads and idle time") {
  ScopedCgroup group;
  Observer observer;
  LoadProcess load({"--busy", "5ms", "--idle", "15ms", "--duration", "3s"}, {}, true);
  load.go();
  observer.run_until([&] { return !load.running(); });
  (void)load.finish();
  Nanoseconds busy{0};
  Nanoseconds idle{0};
  Nanoseconds all{0};
  for (const NodeUse& node : observer.node()) {
    busy += node.busy.value();
    idle += node.idle.value();
    all += observer.base() * node.cpus_online;
  }
  // Busy and idle are all there is, but for interrupts and a hypervisor's steal.
  const double share = to_seconds(busy + idle) / to_seconds(all);
  std::printf("  busy + idle of all CPU time %50.3f %%\n", share * 100);
  CHECK(share <= 1.005);
  CHECK(share >= (emulated() ? 0.80 : 0.95));
}
