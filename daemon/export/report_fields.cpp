// SPDX-License-Identifier: Apache-2.0
#include "report_fields.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "export/catalogue.h"
#include "human.h"
#include "row_values.h"

namespace throttlelens {

namespace {

using enum ReportUnit;

constexpr std::string_view kUsage = "throttlelens_container_cpu_usage_seconds_total";
constexpr std::string_view kThrottledTime = "throttlelens_container_cpu_throttled_seconds_total";
constexpr std::string_view kThrottled = "throttlelens_container_cpu_cfs_throttled_periods_total";
constexpr std::string_view kWaits = "throttlelens_container_cpu_wait_seconds_total";
constexpr std::string_view kOverheadCpu = "throttlelens_pod_overhead_cpu_seconds_total";
constexpr std::string_view kOverheadMemory = "throttlelens_pod_overhead_private_memory_bytes";

// What is asked first, use, reason and costs, stays longest.
enum Rank {
  kUse,
  kOverhead,
  kLimit = kWhyRank + 1,
  kPeriods,
  kMemory,
  kQuotaWait,
  kPeak,
  kCpuWait,
  kOverheadShare
};

/// In seconds; beyond it nothing fits into nanoseconds.
constexpr double kLongestShown = 1e9;

ReportValue span_value(std::optional<double> SpanValues::* field) {
  return [field](const ReportRow& row) { return row.span.*field; };
}

ReportValue span_count(std::optional<std::uint64_t> SpanValues::* field) {
  return [field](const ReportRow& row) { return as_double(row.span.*field); };
}

void add_use(std::vector<ReportField>& fields, const Snapshot& snapshot) {
  fields.push_back({.path = "over_window.cores",
                    .unit = cores,
                    .meaning = "CPU used within the window",
                    .metric = kUsage,
                    .value = span_value(&SpanValues::cores),
                    .heading = "CPU",
                    .rank = kUse});
  fields.push_back({.path = "over_window.peak_cores",
                    .unit = cores,
                    .meaning = "CPU used in the busiest base window within",
                    .metric = "throttlelens_container_cpu_window_peak_cores",
                    .value = span_value(&SpanValues::peak_cores),
                    .heading = "PEAK",
                    .rank = kPeak,
                    .note = "PEAK: busiest " + exact_duration(snapshot.base)});
  for (std::size_t i = 0; i < snapshot.reported.size(); ++i) {
    const std::string length = exact_duration(snapshot.reported[i]);
    fields.push_back({.path = "window_" + length + ".cores",
                      .unit = cores,
                      .meaning = "CPU in use in the last completed window of this length",
                      .metric = "throttlelens_container_cpu_utilization_cores",
                      .value =
                          [i](const ReportRow& row) {
                            return i < row.windows.size() ? row.windows[i] : std::nullopt;
                          },
                      .elsewhere_in_json = true,
                      .heading = "CPU " + length,
                      .wide_only = true});
  }
  fields.push_back({.path = "usage_seconds",
                    .unit = seconds,
                    .meaning = "CPU time used in total",
                    .metric = kUsage,
                    .value =
                        [](const ReportRow& row) {
                          return row.cpu != nullptr ? row_values::usage_seconds(*row.cpu)
                                                    : std::nullopt;
                        },
                    .elsewhere_in_json = true});
}

void add_limits(std::vector<ReportField>& fields) {
  fields.push_back({.path = "limit_cores",
                    .unit = cores,
                    .meaning = "CPU limit",
                    .metric = "throttlelens_container_cpu_limit_cores",
                    .value = [](const ReportRow& row) { return row.limit; },
                    .elsewhere_in_json = true,
                    .heading = "LIMIT",
                    .rank = kLimit});
  fields.push_back({.path = "request_cores",
                    .unit = cores,
                    .meaning = "CPU request; of a pod: of its containers together",
                    .metric = "throttlelens_container_cpu_request_cores",
                    .value = [](const ReportRow& row) { return row.request; },
                    .heading = "REQUEST",
                    .wide_only = true});
}

void add_throttling(std::vector<ReportField>& fields) {
  fields.push_back({.path = "over_window.periods",
                    .unit = count,
                    .meaning = "Enforcement periods with something to run",
                    .metric = "throttlelens_container_cpu_cfs_periods_total",
                    .value = span_count(&SpanValues::periods)});
  fields.push_back({.path = "over_window.throttled_periods",
                    .unit = count,
                    .meaning = "Of those, periods that ran out of quota",
                    .metric = kThrottled,
                    .value = span_count(&SpanValues::throttled_periods)});
  fields.push_back({.path = "over_window.throttled_ratio",
                    .unit = ratio,
                    .meaning = "Throttled periods of all periods",
                    .metric = kThrottled,
                    .value = span_value(&SpanValues::throttled_ratio),
                    .heading = "THR%",
                    .rank = kPeriods,
                    .note = "THR: throttled periods",
                    .shown = [](const ReportRow& row) {
                      return row.pod_throttled_ratio ? row.pod_throttled_ratio
                                                     : row.span.throttled_ratio;
                    }});
  fields.push_back({.path = "pod_throttled_ratio",
                    .unit = ratio,
                    .meaning = "Of pods: the highest of its own cgroup and of its containers",
                    .metric = kThrottled,
                    .value = [](const ReportRow& row) { return row.pod_throttled_ratio; }});
  fields.push_back({.path = "over_window.throttled_per_second",
                    .unit = per_second,
                    .meaning = "Time throttled as the kernel counts it, all CPUs added up",
                    .metric = kThrottledTime,
                    .value = span_value(&SpanValues::throttled),
                    .heading = "THR/s",
                    .wide_only = true});
  fields.push_back({.path = "over_window.throttle_wait_per_second",
                    .unit = per_second,
                    .meaning = "Thread time waited for quota",
                    .metric = kWaits,
                    .value = span_value(&SpanValues::throttle_wait),
                    .heading = "QUOTA-WAIT",
                    .rank = kQuotaWait,
                    .note = "WAIT: time threads waited, per second"});
  fields.push_back({.path = "over_window.contention_wait_per_second",
                    .unit = per_second,
                    .meaning = "Thread time waited while others had the CPU",
                    .metric = kWaits,
                    .value = span_value(&SpanValues::contention_wait),
                    .heading = "CPU-WAIT",
                    .rank = kCpuWait});
}

void add_overhead(std::vector<ReportField>& fields) {
  fields.push_back({.path = "overhead.cores",
                    .unit = cores,
                    .meaning = "CPU of shim, runc, pause and conmon within the window",
                    .metric = kOverheadCpu,
                    .value = [](const ReportRow& row) { return row.overhead.cores; },
                    .heading = "OVERHEAD",
                    .rank = kOverhead,
                    .note = "OVERHEAD: CPU of shim, runc, pause, conmon"});
  fields.push_back({.path = "overhead.ratio",
                    .unit = ratio,
                    .meaning = "overhead.cores by the CPU of the containers themselves",
                    .metric = kOverheadCpu,
                    .value = [](const ReportRow& row) { return row.overhead.ratio; },
                    .heading = "OVH%",
                    .rank = kOverheadShare,
                    .note = "OVH%: of the containers' CPU"});
  fields.push_back(
      {.path = "overhead.private_memory_bytes",
       .unit = bytes,
       .meaning = "Memory that only these processes use",
       .metric = kOverheadMemory,
       .value = [](const ReportRow& row) { return as_double(row.overhead.private_memory); },
       .heading = "MEMORY",
       .rank = kMemory,
       .note = "MEMORY: private, of those"});
}

void add_component(std::vector<ReportField>& fields, std::size_t i) {
  const std::string name(kOverheadNames[i]);
  std::string upper = name;
  std::ranges::transform(upper, upper.begin(),
                         [](char c) { return static_cast<char>(c - 'a' + 'A'); });
  fields.push_back(
      {.path = "overhead." + name + ".cpu_seconds",
       .unit = seconds,
       .meaning = "CPU time of this component since throttlelens watches",
       .metric = kOverheadCpu,
       .value = [i](const ReportRow& row) { return row.overhead.parts[i].cpu_seconds; }});
  fields.push_back({.path = "overhead." + name + ".cores",
                    .unit = cores,
                    .meaning = "CPU of this component within the window",
                    .metric = kOverheadCpu,
                    .value = [i](const ReportRow& row) { return row.overhead.parts[i].cores; },
                    .heading = upper,
                    .wide_only = true});
  fields.push_back(
      {.path = "overhead." + name + ".private_memory_bytes",
       .unit = bytes,
       .meaning = "Memory that only processes of this component use",
       .metric = kOverheadMemory,
       .value =
           [i](const ReportRow& row) { return as_double(row.overhead.parts[i].private_memory); },
       .heading = upper + "-MEM",
       .wide_only = true});
}

}  // namespace

std::vector<ReportField> report_fields(const Snapshot& snapshot) {
  std::vector<ReportField> fields;
  add_use(fields, snapshot);
  add_limits(fields);
  add_throttling(fields);
  add_overhead(fields);
  for (std::size_t i = 0; i < kOverheadComponents; ++i) add_component(fields, i);
  return fields;
}

std::string csv_name(const ReportField& field) {
  std::string name = field.path;
  std::ranges::replace(name, '.', '_');
  return name;
}

std::string_view unit_name(ReportUnit unit) {
  switch (unit) {
    case seconds:
      return "seconds";
    case cores:
      return "cores";
    case ratio:
      return "ratio";
    case per_second:
      return "seconds per second";
    case count:
      return "periods";
    case bytes:
      return "bytes";
  }
  return "";
}

std::string_view source_of(const ReportField& field) {
  const auto catalogue = metric_catalogue();
  const auto entry = std::ranges::find(catalogue, field.metric, &MetricEntry::name);
  return entry != catalogue.end() ? entry->source : std::string_view();
}

std::string cell_text(ReportUnit unit, std::optional<double> value) {
  if (!value || !std::isfinite(*value)) return "-";
  switch (unit) {
    case seconds:
    case per_second:
      return short_duration(std::chrono::duration_cast<Nanoseconds>(
          std::chrono::duration<double>(std::min(*value, kLongestShown))));
    case cores:
      return fine_millicores(*value);
    case ratio:
      return fine_percent(*value);
    case count:
      return std::to_string(std::llround(*value));
    case bytes:
      return mebibytes(*value);
  }
  return "-";
}

}  // namespace throttlelens
