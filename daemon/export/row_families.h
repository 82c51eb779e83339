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

namespace throttlelens {

using PlainValue = std::optional<double> (*)(const CgroupRow&);
using WindowField = std::optional<Nanoseconds> WindowValue::*;  ///< one sample a window
using LimitRatios = std::optional<LimitRatioHistogram> CgroupRow::*;
using RowValue = std::variant<PlainValue, WindowField, LimitRatios>;

struct RowFamily {
  std::string_view suffix;  ///< of the name
  MetricKind kind;
  RowValue value;
  std::string_view help;
  std::string_view source;

  constexpr bool windowed() const { return !std::holds_alternative<PlainValue>(value); }
};

namespace row_values {

std::optional<double> usage_seconds(const CgroupRow& row);
// Absent unless there is a limit or there was one: without, the kernel's counters say nothing.
std::optional<double> limit_cores(const CgroupRow& row);
std::optional<double> periods(const CgroupRow& row);
std::optional<double> throttled_periods(const CgroupRow& row);
std::optional<double> throttled_seconds(const CgroupRow& row);
std::optional<double> burst_periods(const CgroupRow& row);
std::optional<double> burst_seconds(const CgroupRow& row);

}  // namespace row_values

inline constexpr std::string_view kUseSource =
    "sched_switch, checked against cpu.stat (v1: cpuacct.usage)";
inline constexpr std::string_view kLimitSource =
    "quota and period of cpu.max (v1: cpu.cfs_quota_us, cpu.cfs_period_us)";

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
    RowFamily{.suffix = "window_limit_utilization_ratio",
              .kind = MetricKind::histogram,
              .value = &CgroupRow::limit_ratio,
              .help = "Windows by their CPU use divided by the limit; absent without a limit.",
              .source = "sched_switch or cpu.stat, and cpu.max (v1: cpu.cfs_quota_us)"},
    RowFamily{.suffix = "limit_cores",
              .kind = MetricKind::gauge,
              .value = &row_values::limit_cores,
              .help = "CPU limit in cores; absent without a limit.",
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
    RowFamily{.suffix = "throttled_seconds_total",
              .kind = MetricKind::counter,
              .value = &row_values::throttled_seconds,
              .help = "Time throttled in seconds, summed over CPUs; moves when throttling ends.",
              .source = "throttled_usec of cpu.stat (v1: throttled_time)"},
    RowFamily{.suffix = "cfs_burst_periods_total",
              .kind = MetricKind::counter,
              .value = &row_values::burst_periods,
              .help = "Enforcement periods in which saved-up quota was used.",
              .source = "nr_bursts of cpu.stat"},
    RowFamily{.suffix = "burst_seconds_total",
              .kind = MetricKind::counter,
              .value = &row_values::burst_seconds,
              .help = "CPU time in seconds used above the quota out of saved-up quota.",
              .source = "burst_usec of cpu.stat (v1: burst_time)"},
};

/// Absent stays absent.
std::optional<double> as_double(std::optional<std::uint64_t> value);
std::optional<double> as_seconds(std::optional<Nanoseconds> value);
/// In cores; absent when the value or the length is not known.
std::optional<double> as_cores(std::optional<Nanoseconds> used, Nanoseconds length);
/// How many series a row becomes in all of these families.
std::uint64_t series_count(const CgroupRow& row);

}  // namespace throttlelens
