// SPDX-License-Identifier: Apache-2.0
// What goes wrong on real machines: a late reader, lost switches, cgroups that come and go faster
// than anyone looks, more cgroups than there is room for.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <limits>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "live_maps.h"
#include "truth.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

TEST_CASE(
    "a reader that stops for two seconds leaves a gap, never a spike, and totals stay right") {
  ScopedCgroup group;
  Observer observer;
  LoadProcess load({"--pin", "0", "--duration", "5s"}, procs_of(group));
  start(observer, {&group}, load);
  observer.run_for(1s);
  const timespec pause{.tv_sec = 2, .tv_nsec = 0};
  ::nanosleep(&pause, nullptr);
  observer.run_until([&] { return !load.running(); });
  (void)load.finish();
  CHECK(observer.missed().size() >= 15);
  CHECK(observer.missed().size() <= 21);
  CHECK(observer.losses().missed_windows == observer.missed().size());
  CHECK(observer.of(group.path()).in_gaps >= 200ms);
  for (const auto& [index, used] : observer.of(group.path()).windows) {
    CHECK(used <= 103ms);  // one thread cannot use more than the window
    CHECK_FALSE(observer.missed().contains(index));
  }
  check_sum(observer, group);
}

namespace {

// What a run with lost switches must come to.
void check_lost(Observer& observer, const ScopedCgroup& group, std::uint64_t lost_before) {
  observer.run_for(1s);  // suspects are compared a few windows later
  const Observed& seen = observer.of(group.path());
  const auto kernel = group.usage() - observer.aside(group.path());
  const std::uint64_t lost = observer.losses().lost_switches.value() - lost_before;
  std::printf("  lost %llu, corrected %.3f ms, total - kernel %.3f ms of %.0f ms\n",
              static_cast<unsigned long long>(lost), to_seconds(seen.corrected) * 1e3,
              to_seconds(seen.total() - kernel) * 1e3, to_seconds(kernel) * 1e3);
  CHECK(lost >= 20);
  CHECK(seen.in_windows + seen.in_gaps <= kernel + 1ms);  // nothing false was charged
  const std::int64_t bound = std::max<std::int64_t>(1'000'000, kernel.count() / 200);
  CHECK(std::abs((seen.total() - kernel).count()) <= bound);
}

}  // namespace

TEST_CASE("a lost switch of an ordinary thread is told by the kernel's own fields") {
  ScopedCgroup group;
  Observer observer;
  LoadProcess load({"--threads", "3", "--busy", "3ms", "--idle", "1ms", "--duration", "5s"},
                   procs_of(group));
  LiveCpus cpus;
  start(observer, {&group}, load);
  const std::uint64_t lost_before = observer.losses().lost_switches.value();
  observer.run_until([&] {
    cpus.forget_threads();
    return !load.running();
  });
  (void)load.finish();
  CHECK(observer.of(group.path()).corrected == 0ns);
  check_lost(observer, group, lost_before);
}

TEST_CASE("a lost switch of a real-time thread charges nothing; the usage counter fills it in") {
  ScopedCgroup group;
  if (::access((group.cpu_dir() + "/cpu.rt_runtime_us").c_str(), F_OK) == 0) {
    std::ofstream(group.cpu_dir() + "/cpu.rt_runtime_us") << "450000";
  }
  Observer observer;
  LoadProcess load({"--busy", "4ms", "--idle", "7ms", "--duration", "8s"}, procs_of(group), true);
  LiveCpus cpus;
  start(observer, {&group}, load);
  const std::uint64_t lost_before = observer.losses().lost_switches.value();
  const MonoTime until = observer.clock().now() + 6s;
  observer.run_until([&] {
    if (observer.clock().now() < until) cpus.forget_threads();
    return !load.running();
  });
  (void)load.finish();
  check_lost(observer, group, lost_before);
  CHECK(observer.of(group.path()).corrected > 0ns);
}

TEST_CASE("cgroups that come and go reuse ids without mixing") {
  ScopedCgroup parent;
  Observer observer;
  Nanoseconds children{0};
  Nanoseconds seen_of_children{0};
  std::vector<std::string> paths;
  for (int wave = 0; wave < 5; ++wave) {
    std::vector<ScopedCgroup> groups;
    std::vector<LoadProcess> loads;
    for (int i = 0; i < 8; ++i) {
      groups.push_back(parent.child("wave" + std::to_string(wave) + "-" + std::to_string(i)));
      loads.emplace_back(std::vector<std::string>{"--busy", "2ms", "--idle", "2ms", "--duration",
                                                  std::to_string(10 + i * 5) + "ms"},
                         procs_of(groups.back()));
    }
    std::vector<const ScopedCgroup*> all;
    for (const ScopedCgroup& group : groups) all.push_back(&group);
    all.push_back(&parent);  // those that join it anew are charged a little differently, too
    start(observer, all, loads);
    observer.run_until([&] {
      return !std::ranges::any_of(loads, [](LoadProcess& load) { return load.running(); });
    });
    for (std::size_t i = 0; i < groups.size(); ++i) {
      (void)loads[i].finish();
      check_sum(observer, groups[i], 1);
      children += groups[i].usage() - observer.aside(groups[i].path());
      seen_of_children += observer.of(groups[i].path()).total();
      paths.push_back(groups[i].path());
    }
    check_sum(observer, parent, 8);
    groups.clear();  // removes them: their ids are free for the next wave
    observer.run_for(300ms);
  }
  CHECK(std::abs((seen_of_children - children).count()) <=
        1'000'000 + 40 * (emulated() ? 300'000 : 20'000));
  for (const std::string& path : paths) CHECK(observer.of(path).gone);
}

TEST_CASE("a cgroup made again under its old name starts at zero") {
  ScopedCgroup parent;
  Observer observer;
  for (int life = 0; life < 3; ++life) {
    ScopedCgroup group = parent.child("again");
    LoadProcess load({"--duration", "200ms"}, procs_of(group));
    start(observer, {&group}, load);
    observer.run_until([&] { return !load.running(); });
    (void)load.finish();
    check_sum(observer, group);
    group.remove();
    observer.run_for(200ms);
    CHECK(observer.of(group.path()).gone);
  }
}

TEST_CASE("more cgroups than there is room for are counted, and their parents stay right") {
  ScopedCgroup parent;
  std::vector<ScopedCgroup> groups;
  for (int i = 0; i < 40; ++i) groups.push_back(parent.child("c" + std::to_string(i)));
  Observer observer({.base = 100ms, .max_cgroups = 16});
  std::vector<LoadProcess> loads;
  for (const ScopedCgroup& group : groups) {
    loads.emplace_back(std::vector<std::string>{"--duration", "100ms"}, procs_of(group));
    loads.back().go();
  }
  observer.run_until([&] {
    return !std::ranges::any_of(loads, [](LoadProcess& load) { return load.running(); });
  });
  std::size_t rows = 0;
  Nanoseconds kernel{0};
  for (std::size_t i = 0; i < groups.size(); ++i) {
    (void)loads[i].finish();
    kernel += groups[i].usage();
    if (observer.of(groups[i].path()).total().count() > 0) ++rows;
  }
  INFO("rows " << rows);
  CHECK(rows < groups.size());
  CHECK(observer.losses().dropped_cgroups >= groups.size() - 16);
  // Time is never dropped with a row: it counts to the nearest cgroup that has one.
  CHECK(observer.of("/").total() >= kernel - 1ms);
}

TEST_CASE("a base window of 10 ms holds as well") {
  ScopedCgroup group;
  Observer observer({.base = 10ms, .max_cgroups = 4096});
  LoadProcess load({"--busy", "7ms", "--idle", "3ms", "--duration", "3s", "--window", "10ms"},
                   procs_of(group));
  start(observer, {&group}, load);
  observer.run_until([&] { return !load.running(); });
  (void)load.finish();
  check_sum(observer, group);
}

TEST_CASE("a directory that gets the cpu controller later keeps its past and gets its row") {
  if (ScopedCgroup::mode() != CgroupMode::v2) return;  // on v1 every directory has it
  ScopedCgroup parent;
  const std::string late = parent.cpu_dir() + "/late";
  REQUIRE(std::filesystem::create_directory(late));
  Observer observer;
  LoadProcess load({"--busy", "5ms", "--idle", "5ms", "--duration", "3s"},
                   {late + "/cgroup.procs"});
  load.go();
  observer.run_for(500ms);
  CHECK_FALSE(observer.knows(parent.path() + "/late"));  // its threads count to the parent
  std::ofstream(parent.cpu_dir() + "/cgroup.subtree_control") << "+cpu";
  observer.run_until([&] { return !load.running(); });
  (void)load.finish();
  observer.run_for(1s);
  const Observed& seen = observer.of(parent.path() + "/late");
  REQUIRE(seen.usage_before);
  CHECK(*seen.usage_before >= 100ms);
  std::ifstream stat(late + "/cpu.stat");
  std::string field;
  std::int64_t usage = 0;
  REQUIRE(stat >> field >> usage);
  REQUIRE(field == "usage_usec");
  // The move into its own group is not seen at an exact moment: a tick, and what we noticed late.
  const auto difference = *seen.usage_before + seen.total() - std::chrono::microseconds(usage);
  CHECK(std::abs(difference.count()) <= 200'000'000);
}

namespace {

// Returns the windows it may have happened in, first and last.
std::pair<WindowIndex, WindowIndex> switch_cpu_controller(const Observer& observer,
                                                          const ScopedCgroup& parent,
                                                          const std::vector<const char*>& how) {
  const auto now = [&] {
    return static_cast<WindowIndex>(observer.clock().now().since_boot / observer.base());
  };
  const WindowIndex first = now();
  for (const char* one : how) {
    std::ofstream(parent.cpu_dir() + "/cgroup.subtree_control") << one << std::flush;
  }
  return {first, now()};
}

// Every window in [from, to) that the row claims to know against the load's own record.
void check_known_windows(const Observed& row, const LoadRecord& load, WindowIndex from,
                         WindowIndex to) {
  std::size_t compared = 0;
  for (const auto& [index, truth] : load.full) {
    if (index < from || index >= to || row.unknown.contains(index)) continue;
    const auto it = row.windows.find(index);
    const Nanoseconds ours = it == row.windows.end() ? 0ns : it->second;
    INFO("window " << index << " of [" << from << ", " << to << "): ours " << ours.count()
                   << ", the load " << truth.cpu.count() << " +- " << truth.doubt.count());
    CHECK(std::abs((ours - truth.cpu).count()) <= (emulated() ? 5ms + truth.doubt : 2ms).count());
    ++compared;
  }
  CHECK(compared >= 5);
}

constexpr WindowIndex kNoWindow = std::numeric_limits<WindowIndex>::max();

}  // namespace

TEST_CASE("a cgroup whose cpu controller is switched off has no row until it is back") {
  if (ScopedCgroup::mode() != CgroupMode::v2) return;  // v1 cannot
  ScopedCgroup parent;
  ScopedCgroup group = parent.child("toggled");
  group.set_limit({.quota = 50ms, .period = 100ms, .burst = 0ns});
  Observer observer;
  LoadProcess load({"--busy", "4ms", "--idle", "6ms", "--duration", "5s"}, procs_of(group));
  start(observer, {&parent, &group}, load);
  observer.run_for(1s);
  CHECK(observer.of(group.path()).bandwidth.value().limit.has_value());

  const auto off = switch_cpu_controller(observer, parent, {"-cpu"});
  observer.run_for(1s);
  CHECK(observer.tree().usage(group.key()).has_value());
  const auto no_bandwidth = observer.tree().bandwidth(group.key());
  CHECK((!no_bandwidth && no_bandwidth.error().code == ENOENT));
  const Observed ended = observer.of(group.path());
  CHECK(ended.gone);
  CHECK_FALSE(ended.bandwidth);
  CHECK(ended.unknown.contains(off.second));
  CHECK(ended.windows.rbegin()->first <= off.second);

  const auto on = switch_cpu_controller(observer, parent, {"+cpu"});
  observer.run_until([&] { return !load.running(); });
  const LoadRecord record = load.finish();
  observer.run_for(1s);  // compared with the kernel's counter
  const Observed& back = observer.of(group.path());
  CHECK_FALSE(back.gone);
  CHECK_FALSE(back.bandwidth.value().limit.has_value());  // the kernel made it anew
  CHECK_FALSE(back.unknown.empty());
  check_known_windows(ended, record, observer.first_window(), off.first);
  check_known_windows(back, record, on.second + 1, kNoWindow);
  REQUIRE(back.usage_before);
  CHECK(*back.usage_before > ended.total() + 100ms);  // it ran without the controller, too
  check_usage("past + windows - kernel", group.path(), *back.usage_before + back.total(),
              group.usage());
  // A running thread is moved without a word: up to a tick may count elsewhere, each time.
  check_sum(observer, parent, 0, 8ms);
}

TEST_CASE("a cpu controller that is off for a moment leaves windows unknown and totals right") {
  if (ScopedCgroup::mode() != CgroupMode::v2) return;
  ScopedCgroup parent;
  ScopedCgroup group = parent.child("blink");
  group.set_limit({.quota = 50ms, .period = 100ms, .burst = 0ns});
  Observer observer;
  LoadProcess load({"--busy", "4ms", "--idle", "6ms", "--duration", "3s"}, procs_of(group));
  start(observer, {&parent, &group}, load);
  observer.run_for(1s);
  const auto blink = switch_cpu_controller(observer, parent, {"-cpu", "+cpu"});
  observer.run_until([&] { return !load.running(); });
  const LoadRecord record = load.finish();
  observer.run_for(1s);
  const Observed& seen = observer.of(group.path());
  CHECK_FALSE(seen.gone);
  CHECK(seen.unknown.contains(blink.second));
  CHECK(seen.unknown.size() <= 4);
  CHECK_FALSE(seen.bandwidth.value().limit.has_value());
  check_known_windows(seen, record, observer.first_window(), blink.first);
  check_known_windows(seen, record, blink.second + 1, kNoWindow);
  check_sum(observer, group);
  check_sum(observer, parent, 0, 8ms);
}
