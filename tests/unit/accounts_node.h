// SPDX-License-Identifier: Apache-2.0
// A node for the tests of the accounts room: plays the rooms around it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accounts/accounts.h"

namespace throttlelens::accounts_tests {

using namespace std::chrono_literals;

/// A kernel that counts, a timeline that adds up.
class Node {
 public:
  Node() : Node(options()) {}
  explicit Node(const AccountsOptions& how) : accounts(how) { appear({1}, {}, "/"); }

  static AccountsOptions options() {
    AccountsOptions options;
    options.reported = {100ms};
    options.keep_dead = 60s;
    return options;
  }

  void appear(CgroupKey key, CgroupKey parent, const std::string& path,
              std::optional<Nanoseconds> before = 0ns) {
    WindowBatch batch;
    batch.appeared.push_back({.key = key, .parent = parent, .path = path, .usage_before = before});
    totals[key] = 0ns;
    accounts.apply(batch, now);
    forget();
  }
  /// Of one window, so it is a peak too.
  void use(CgroupKey key, Nanoseconds used) {
    totals[key] += used;
    peaks[key] = std::max(peaks[key], used);
  }
  void wait(CgroupKey key, Nanoseconds throttle, Nanoseconds contention) {
    waits[key].throttle += throttle;
    waits[key].contention += contention;
  }
  void limit(CgroupKey key, std::uint64_t periods) {
    WindowBatch batch;
    batch.bandwidth.push_back(
        {.key = key,
         .value = Bandwidth{.limit = CpuLimit{.quota = 50ms, .period = 100ms, .burst = 0ns},
                            .nr_periods = periods,
                            .nr_throttled = periods / 2,
                            .throttled_time = periods * 1ms,
                            .nr_bursts = 1,
                            .burst_time = 2ms}});
    accounts.apply(batch, now);
    ratios[key].buckets[3] = periods;
    ratios[key].sum = 0.5 * static_cast<double>(periods);
  }
  void gone(CgroupKey key) {
    accounts.identify({}, {key}, now);
    WindowBatch batch;
    batch.gone.push_back(key);
    accounts.apply(batch, now);
    forget();
  }
  void pass(Nanoseconds time) {
    now.since_boot += time;
    forget();
  }
  void name(CgroupKey key, const std::string& container, CgroupKey pod_cgroup = {},
            const std::string& pod = {}) {
    accounts.identify({identity(key, container, pod_cgroup, pod)}, {}, now);
  }
  static Identified identity(CgroupKey key, const std::string& container, CgroupKey pod_cgroup,
                             const std::string& pod) {
    ContainerIdentity identity;
    identity.from_files = true;
    identity.container_id = std::to_string(key.id);
    identity.container = container;
    identity.pod_namespace = pod.empty() ? "" : "shop";
    identity.pod = pod;
    identity.uid = pod.empty() ? "" : "uid-" + pod;
    identity.pod_cgroup = pod_cgroup;
    return {.key = key, .identity = std::make_shared<const ContainerIdentity>(identity)};
  }
  std::shared_ptr<const Snapshot> look() {
    TimelineReading reading;
    for (const auto& [key, total] : totals) reading.cgroups.push_back(series(key));
    return accounts.snapshot(reading, overhead, {}, {}, now);
  }
  /// After a window that ends now.
  void mark() {
    WindowBatch batch;
    batch.first = static_cast<WindowIndex>(now.since_boot / 100ms) - 1;
    accounts.apply(batch, now);
    CountersReading reading{.last_window = batch.first, .cgroups = {}};
    for (const auto& [key, total] : totals) {
      const SeriesReading one = series(key);
      CounterReading& counters = reading.cgroups.emplace_back();
      counters.key = key;
      counters.total = one.total;
      counters.peak = one.peak;
      if (!one.waits) continue;
      counters.throttle_wait = one.waits->throttle;
      counters.contention_wait = one.waits->contention;
    }
    peaks.clear();
    accounts.mark(reading, overhead);
  }
  Nanoseconds ended(const std::string& pod_namespace) {
    const auto seen = look();
    for (const EndedUsage& one : seen->ended) {
      if (one.pod_namespace == pod_namespace) return one.usage;
    }
    return 0ns;
  }

  Accounts accounts;
  MonoTime now{1000s};
  std::map<CgroupKey, Nanoseconds> totals;
  std::map<CgroupKey, LimitRatioHistogram> ratios;
  std::map<CgroupKey, Nanoseconds> peaks;  ///< since the last mark
  std::map<CgroupKey, WaitTotals> waits;
  OverheadReading overhead;

 private:
  SeriesReading series(CgroupKey key) const {
    SeriesReading one{.key = key,
                      .total = totals.at(key),
                      .windows = {{100ms, Nanoseconds(key.id), std::nullopt, {}}},
                      .limit_ratio = {},
                      .waits = {},
                      .peak = {}};
    if (const auto found = ratios.find(key); found != ratios.end()) {
      one.limit_ratio = found->second;
    }
    if (const auto found = waits.find(key); found != waits.end()) one.waits = found->second;
    if (const auto found = peaks.find(key); found != peaks.end()) one.peak = found->second;
    return one;
  }
  void forget() {
    const auto last = [this](CgroupKey key) -> std::optional<SeriesReading> {
      return totals.contains(key) ? std::optional(series(key)) : std::nullopt;
    };
    for (const CgroupKey key : accounts.take_ended(now, last)) {
      totals.erase(key);
      ratios.erase(key);
      peaks.erase(key);
      waits.erase(key);
    }
  }
};

inline constexpr CgroupKey kPods{10};
inline constexpr CgroupKey kPod{11};
inline constexpr CgroupKey kSandbox{12};
inline constexpr CgroupKey kWeb{13};
inline constexpr CgroupKey kWebAgain{14};

/// A sandbox of the pod, or what else the role is.
inline Identified of_role(ContainerRole role, CgroupKey key, const std::string& container,
                          CgroupKey pod_cgroup, const std::string& pod) {
  Identified one = Node::identity(key, container, pod_cgroup, pod);
  ContainerIdentity identity = *one.identity;
  identity.role = role;
  one.identity = std::make_shared<const ContainerIdentity>(identity);
  return one;
}

inline void run_pod(Node& node) {
  node.appear(kPods, {1}, "/kubepods");
  node.appear(kPod, kPods, "/kubepods/pod");
  node.appear(kSandbox, kPod, "/kubepods/pod/pause");
  node.appear(kWeb, kPod, "/kubepods/pod/web");
  node.accounts.identify({of_role(ContainerRole::sandbox, kSandbox, "pause", kPod, "cart-0")}, {},
                         node.now);
  node.name(kWeb, "web", kPod, "cart-0");
}

}  // namespace throttlelens::accounts_tests
