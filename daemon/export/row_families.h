// SPDX-License-Identifier: Apache-2.0
// What every container and every other cgroup shows: one table for throttlelens_container_cpu_… and
// throttlelens_cgroup_cpu_…. The catalogue, the exposition and the series budget read it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "export/catalogue.h"
#include "model/snapshot.h"
#include "row_values.h"
#include "row_waits.h"

namespace throttlelens {

using PlainValue = std::optional<double> (*)(const CgroupRow&);
using WindowField = std::optional<Nanoseconds> WindowValue::*;  ///< one sample a window
using LimitRatios = std::optional<LimitRatioHistogram> CgroupRow::*;
/// Several samples, or histograms, of a row that differ in one label.
struct NumbersBy {
  std::string_view label;
  NumberParts (*of)(const CgroupRow&);
};
struct DurationsBy {
  std::string_view label;
  DurationParts (*of)(const CgroupRow&);
};
using RowValue = std::variant<PlainValue, WindowField, LimitRatios, NumbersBy, DurationsBy>;

struct RowFamily {
  std::string_view suffix;  ///< of the name
  MetricKind kind;
  RowValue value;
  std::string_view help;
  std::string_view source;
  std::string_view tiers = kAllTiers;

  /// The label beside the row's own; empty without one.
  constexpr std::string_view label() const {
    if (std::holds_alternative<PlainValue>(value)) return {};
    // Not std::get_if: with -fsanitize=undefined g++ 12 finds a null check not constant there.
    if (std::holds_alternative<NumbersBy>(value)) return std::get<NumbersBy>(value).label;
    if (std::holds_alternative<DurationsBy>(value)) return std::get<DurationsBy>(value).label;
    return "window";
  }
};

inline constexpr std::string_view kUseSource =
    "sched_switch, checked against cpu.stat (v1: cpuacct.usage)";
inline constexpr std::string_view kLimitSource =
    "quota and period of cpu.max (v1: cpu.cfs_quota_us, cpu.cfs_period_us)";

inline constexpr std::string_view kWaitSource =
    "sched_switch, sched_info.run_delay, throttle clock of cfs_rq";
inline constexpr std::string_view kEpisodeSource =
    "sched_switch, throttled and throttle_count of cfs_rq";

inline constexpr std::array kRowFamilies{
    RowFamily{.suffix = "usage_seconds_total",
              .kind = MetricKind::counter,
              .value = &row_values::usage_seconds,
              .help = "CPU time used in seconds, cgroups below included.",
              .source = kUseSource},
    RowFamily{.suffix = "utilization_cores",
              .kind = MetricKind::gauge,
              .value = &WindowValue::last,
              .help = "CPU in use in the last completed window, in cores.",
              .source = kUseSource},
    RowFamily{.suffix = "window_peak_cores",
              .kind = MetricKind::gauge,
              .value = &WindowValue::peak,
              .help = "Highest use of any window within the last 60 seconds, in cores.",
              .source = kUseSource},
    RowFamily{
        .suffix = "window_limit_utilization_ratio",
        .kind = MetricKind::histogram,
        .value = &CgroupRow::limit_ratio,
        .help =
            "Windows by their CPU use divided by the limit; absent without a limit. Above 1 is no "
            "error: windows begin within periods, and a burst is saved-up quota.",
        .source = "sched_switch or cpu.stat, and cpu.max (v1: cpu.cfs_quota_us)"},
    RowFamily{.suffix = "limit_cores",
              .kind = MetricKind::gauge,
              .value = &row_values::limit_cores,
              .help = "CPU limit in cores, without burst; absent without a limit.",
              .source = kLimitSource},
    RowFamily{.suffix = "cfs_periods_total",
              .kind = MetricKind::counter,
              .value = &row_values::periods,
              .help = "Enforcement periods with something to run.",
              .source = "nr_periods of cpu.stat"},
    RowFamily{.suffix = "cfs_throttled_periods_total",
              .kind = MetricKind::counter,
              .value = &row_values::throttled_periods,
              .help = "Enforcement periods that ran out of quota.",
              .source = "nr_throttled of cpu.stat"},
    RowFamily{
        .suffix = "throttled_seconds_total",
        .kind = MetricKind::counter,
        .value = &row_values::throttled_seconds,
        .help =
            "Time throttled in seconds as the kernel counts it: summed over CPUs, moves only when "
            "throttling ends.",
        .source = "throttled_usec of cpu.stat (v1: throttled_time)"},
    RowFamily{
        .suffix = "cfs_burst_periods_total",
        .kind = MetricKind::counter,
        .value = &row_values::burst_periods,
        .help =
            "Enforcement periods in which saved-up quota was used; absent until there is a burst.",
        .source = "nr_bursts of cpu.stat"},
    RowFamily{
        .suffix = "burst_seconds_total",
        .kind = MetricKind::counter,
        .value = &row_values::burst_seconds,
        .help =
            "CPU time in seconds used above the quota out of saved-up quota; absent until there is "
            "a burst.",
        .source = "burst_usec of cpu.stat (v1: burst_time)"},
    RowFamily{.suffix = "wait_seconds_total",
              .kind = MetricKind::counter,
              .value = NumbersBy{.label = "cause", .of = &row_waits::wait_seconds},
              .help = "Time in seconds that threads could run and did not, summed over threads, "
                      "moves while they wait: throttle, for want of quota (absent until there is a "
                      "limit or a wait for it); contention, while others had the CPU.",
              .source = kWaitSource,
              .tiers = kBpfTier},
    RowFamily{.suffix = "wait_duration_seconds",
              .kind = MetricKind::histogram,
              .value = DurationsBy{.label = "cause", .of = &row_waits::wait_durations},
              .help = "Waits of single threads that ended, by length, each split by cause; a cause "
                      "is absent until one wait for it was longer than 10 ms.",
              .source = kWaitSource,
              .tiers = kBpfTier},
    RowFamily{.suffix = "throttle_episode_seconds",
              .kind = MetricKind::histogram,
              .value = DurationsBy{.label = "level", .of = &row_waits::throttle_episodes},
              .help =
                  "Stretches that ended in which at least one CPU was throttled, by length: wall "
                  "clock, all CPUs together; level: whose quota ran out, absent until it did.",
              .source = kEpisodeSource,
              .tiers = kBpfTier},
    RowFamily{.suffix = "throttled_while_idle_seconds_total",
              .kind = MetricKind::counter,
              .value = &row_waits::throttled_while_idle_seconds,
              .help = "Time throttled in seconds of the wall clock while the node had an idle CPU; "
                      "absent until there is a limit or a wait for quota.",
              .source = "sched_switch to the idle threads, throttle clock of cfs_rq",
              .tiers = kBpfTier},
    RowFamily{.suffix = "lost_seconds_total",
              .kind = MetricKind::counter,
              .value = &row_waits::lost_seconds,
              .help =
                  "Time in seconds that interrupts and the hypervisor took from threads on a CPU; "
                  "absent where the kernel does not tell.",
              .source = "sched_switch: rq.clock less the time charged",
              .tiers = kBpfTier},
};

/// What stands before the suffix.
inline constexpr std::string_view kContainerPrefix = "throttlelens_container_cpu_";
inline constexpr std::string_view kCgroupPrefix = "throttlelens_cgroup_cpu_";

/// How many series a row becomes in one of them.
std::uint64_t series_count(const CgroupRow& row, const RowFamily& family);

}  // namespace throttlelens
