// SPDX-License-Identifier: Apache-2.0
#include "truth.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

namespace throttlelens::test {

using namespace std::chrono_literals;

bool emulated() {
  static const bool value = [] {
    std::ifstream file("/proc/cpuinfo");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return text.find("QEMU Virtual CPU") != std::string::npos ||
           text.find("QEMU TCG") != std::string::npos;
  }();
  return value;
}

std::vector<std::string> procs_of(const ScopedCgroup& group) {
  std::vector<std::string> files{group.cpu_dir() + "/cgroup.procs"};
  if (group.usage_dir() != group.cpu_dir()) files.push_back(group.usage_dir() + "/cgroup.procs");
  return files;
}

void report(const char* what, const std::string& path, double difference_ns, double bound_ns) {
  constexpr std::size_t kWidth = 44;  // of a container's path the end says more
  const std::string shown = path.substr(path.size() - std::min(path.size(), kWidth));
  std::printf("  %-28s %-44s %12.3f us   bound %10.1f us\n", what, shown.c_str(),
              difference_ns / 1e3, bound_ns / 1e3);
  std::fflush(stdout);
}

namespace {

void settle(Observer& observer, const std::vector<const ScopedCgroup*>& groups) {
  observer.run_for(100ms);
  for (const ScopedCgroup* group : groups) {
    observer.set_aside(group->path(), group->usage() - observer.of(group->path()).total());
  }
}

}  // namespace

void start(Observer& observer, const std::vector<const ScopedCgroup*>& groups,
           std::vector<LoadProcess>& loads) {
  settle(observer, groups);
  for (LoadProcess& load : loads) load.go();
}

void start(Observer& observer, const std::vector<const ScopedCgroup*>& groups, LoadProcess& load) {
  settle(observer, groups);
  load.go();
}

void check_usage(const char* what, const std::string& path, Nanoseconds ours, Nanoseconds kernel,
                 int processes, Nanoseconds doubt) {
  const auto difference = static_cast<double>((ours - kernel).count());
  // The end of a process is charged by the kernel a little after it left for us: some 10 us where
  // the CPU is real, a hundred or two where it is emulated.
  const double bound = std::max(1e6, static_cast<double>(kernel.count()) * 0.0005) +
                       processes * (emulated() ? 3e5 : 2e4) + static_cast<double>(doubt.count());
  report(what, path, difference, bound);
  INFO(path << ": ours " << ours.count() << " kernel " << kernel.count());
  CHECK(kernel.count() > 0);
  CHECK(std::abs(difference) <= bound);
}

void check_sum(const Observer& observer, const ScopedCgroup& group, int processes,
               Nanoseconds doubt) {
  const Observed& seen = observer.of(group.path());
  INFO("windows " << seen.in_windows.count() << " gaps " << seen.in_gaps.count() << " corrected "
                  << seen.corrected.count());
  check_usage("sum of windows - kernel", group.path(), seen.total() + observer.aside(group.path()),
              group.usage(), processes, doubt);
}

void check_windows(const Observer& observer, const std::string& path, const LoadRecord& load) {
  check_windows(observer, path, observer.of(path).windows, load);
}

void check_windows(const Observer& observer, const std::string& path,
                   const std::map<WindowIndex, Nanoseconds>& windows, const LoadRecord& load) {
  std::vector<double> errors;
  for (const auto& [index, truth] : load.full) {
    if (index < observer.first_window() || observer.missed().contains(index)) continue;
    const auto it = windows.find(index);
    const Nanoseconds ours = it == windows.end() ? 0ns : it->second;
    // Where the CPU is emulated the load itself is unsure by milliseconds, and says so.
    const Nanoseconds doubt = emulated() ? truth.doubt : 0ns;
    const auto difference =
        std::max(0ns, Nanoseconds(std::abs((ours - truth.cpu).count())) - doubt);
    errors.push_back(static_cast<double>(difference.count()));
  }
  REQUIRE(errors.size() >= 20);
  std::ranges::sort(errors);
  const double p99 = errors[(errors.size() * 99 + 99) / 100 - 1];
  const double bound = emulated() ? 5e6 : 1e6;
  report("window error, median", path, errors[errors.size() / 2], bound);
  report("window error, 99 %", path, p99, bound);
  INFO(path << " over " << errors.size() << " windows");
  CHECK(p99 <= bound);
  CHECK(observer.missed().size() <= load.full.size() / 20);
}

void check_bandwidth(const Observer& observer, const ScopedCgroup& group) {
  const Observed& seen = observer.of(group.path());
  REQUIRE(seen.bandwidth);
  check_bandwidth(*seen.bandwidth, group);
}

void check_bandwidth(const Bandwidth& ours, const ScopedCgroup& group) {
  INFO(group.stat_text());
  CHECK(ours.nr_periods == group.stat_field("nr_periods").value());
  CHECK(ours.nr_throttled == group.stat_field("nr_throttled").value());
  const bool v2 = ScopedCgroup::mode() == CgroupMode::v2;
  const auto kernel = v2 ? std::chrono::microseconds(group.stat_field("throttled_usec").value())
                         : Nanoseconds(group.stat_field("throttled_time").value());
  CHECK(ours.throttled_time / (v2 ? 1000 : 1) == kernel / (v2 ? 1000 : 1));
  const auto bursts = group.stat_field("nr_bursts");
  CHECK(ours.nr_bursts == bursts);
  if (bursts) {
    const Nanoseconds burst = v2 ? std::chrono::microseconds(group.stat_field("burst_usec").value())
                                 : Nanoseconds(group.stat_field("burst_time").value());
    CHECK(ours.burst_time.value() / (v2 ? 1000 : 1) == burst / (v2 ? 1000 : 1));
  }
}

}  // namespace throttlelens::test
