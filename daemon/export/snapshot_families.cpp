// SPDX-License-Identifier: Apache-2.0
#include "snapshot_families.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <optional>
#include <utility>

#include "export/catalogue.h"
#include "human.h"
#include "label_value.h"

namespace throttlelens {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

ClientMetric::Label label(const char* name, std::string value) {
  return {.name = name, .value = std::move(value)};
}

Labels row_labels(const ExposedRow& exposed) {
  return {label("cgroup", exposed.label)};
}

Labels row_labels(const ExposedRow& exposed, Nanoseconds window) {
  return {label("cgroup", exposed.label), label("window", exact_duration(window))};
}

/// One family under construction; name, type and help come from the catalogue only.
class Family {
 public:
  explicit Family(std::string_view name) {
    const auto all = metric_catalogue();
    const auto entry =
        std::ranges::find_if(all, [name](const MetricEntry& e) { return e.name == name; });
    family_.name = name;
    if (entry == all.end()) return;
    family_.help = entry->help;
    family_.type = entry->kind == MetricKind::counter ? MetricType::Counter
                   : entry->kind == MetricKind::gauge ? MetricType::Gauge
                                                      : MetricType::Histogram;
  }

  void add(Labels labels, std::optional<double> value) {
    if (!value) return;
    ClientMetric& metric = append(std::move(labels));
    (family_.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = *value;
  }

  void add(Labels labels, const LimitRatioHistogram& ratios) {
    ClientMetric::Histogram& histogram = append(std::move(labels)).histogram;
    histogram.sample_sum = ratios.sum;
    for (std::size_t i = 0; i < ratios.buckets.size(); ++i) {
      histogram.sample_count += ratios.buckets[i];
      histogram.bucket.push_back(
          {histogram.sample_count, i < kLimitRatioBounds.size()
                                       ? kLimitRatioBounds[i]
                                       : std::numeric_limits<double>::infinity()});
    }
  }

  void give(const SnapshotFamilies::Take& take) {
    if (!family_.metric.empty()) take(std::move(family_));
  }

 private:
  ClientMetric& append(Labels labels) {
    ClientMetric& metric = family_.metric.emplace_back();
    metric.label = std::move(labels);
    return metric;
  }

  MetricFamily family_;
};

std::optional<double> as_double(std::optional<std::uint64_t> value) {
  if (!value) return std::nullopt;
  return static_cast<double>(*value);
}

std::optional<double> as_seconds(std::optional<Nanoseconds> value) {
  if (!value) return std::nullopt;
  return to_seconds(*value);
}

std::optional<double> as_cores(std::optional<Nanoseconds> used, Nanoseconds length) {
  if (!used || length.count() <= 0) return std::nullopt;
  return to_seconds(*used) / to_seconds(length);
}

/// Empty values are left out: to Prometheus an empty label is no label.
Labels info_labels(std::initializer_list<std::pair<const char*, const std::string*>> all) {
  Labels labels;
  for (const auto& [name, value] : all) {
    if (!value->empty()) labels.push_back(label(name, readable_value(*value)));
  }
  return labels;
}

void give_single(std::string_view name, std::optional<double> value,
                 const SnapshotFamilies::Take& take) {
  Family family(name);
  family.add({}, value);
  family.give(take);
}

using RowValue = std::optional<double> (*)(const CgroupRow&);
using BandwidthValue = std::optional<double> (*)(const Bandwidth&);

void give_rows(std::string_view name, const std::vector<ExposedRow>& rows, RowValue value,
               const SnapshotFamilies::Take& take) {
  Family family(name);
  for (const ExposedRow& exposed : rows) {
    // Asked first, so that labels are not copied for nothing.
    if (const auto v = value(*exposed.row)) family.add(row_labels(exposed), v);
  }
  family.give(take);
}

void give_bandwidth(std::string_view name, const std::vector<ExposedRow>& rows,
                    BandwidthValue value, const SnapshotFamilies::Take& take) {
  Family family(name);
  for (const ExposedRow& exposed : rows) {
    const Bandwidth* const bandwidth = shown_bandwidth(*exposed.row);
    if (bandwidth == nullptr) continue;
    if (const auto v = value(*bandwidth)) family.add(row_labels(exposed), v);
  }
  family.give(take);
}

void give_windows(std::string_view name, const std::vector<ExposedRow>& rows,
                  std::optional<Nanoseconds> WindowValue::* value,
                  const SnapshotFamilies::Take& take) {
  Family family(name);
  for (const ExposedRow& exposed : rows) {
    for (const WindowValue& window : exposed.row->windows) {
      if (const auto v = as_cores(window.*value, window.length)) {
        family.add(row_labels(exposed, window.length), v);
      }
    }
  }
  family.give(take);
}

}  // namespace

SnapshotFamilies::SnapshotFamilies(const Snapshot& snapshot, const ProcessStats& process,
                                   const MetricsOptions& options, std::uint64_t dropped_before)
    : snapshot_(snapshot), process_(process), options_(options), dropped_(dropped_before) {
  std::uint64_t own = 0;
  each_own([&own](MetricFamily&& family) { own += family.metric.size(); });
  RowSelection selection =
      select_rows(snapshot, options.max_series > own ? options.max_series - own : 0);
  rows_ = std::move(selection.rows);
  dropped_ += selection.dropped_series;
}

std::vector<MetricFamily> SnapshotFamilies::Collect() const {
  std::vector<MetricFamily> families;
  each([&families](MetricFamily&& family) { families.push_back(std::move(family)); });
  return families;
}

void SnapshotFamilies::each(const Take& take) const {
  each_own(take);
  each_cgroup_family(take);
}

void SnapshotFamilies::each_own(const Take& take) const {
  const BuildInfo& build = options_.build;
  Family build_info("throttlelens_build_info");
  build_info.add(info_labels({{"version", &build.version},
                              {"commit", &build.commit},
                              {"libbpf", &build.libbpf},
                              {"compiler", &build.compiler}}),
                 1);
  build_info.give(take);

  const ProbeInfo& probe = snapshot_.probe;
  Family probe_info("throttlelens_probe_info");
  probe_info.add(info_labels({{"tier", &probe.tier},
                              {"kernel", &probe.kernel},
                              {"cgroup_mode", &probe.cgroup_mode},
                              {"reason", &probe.reason}}),
                 1);
  probe_info.give(take);

  Family utilization("throttlelens_node_cpu_utilization_cores");
  Family idle("throttlelens_node_cpu_idle_ratio");
  for (const NodeWindow& window : snapshot_.node) {
    const ClientMetric::Label length = label("window", exact_duration(window.length));
    utilization.add({length}, as_cores(window.busy, window.length));
    idle.add({length}, window.idle_ratio);
  }
  utilization.give(take);
  idle.give(take);

  const SourceLosses& losses = snapshot_.losses;
  give_single("throttlelens_probe_lost_switches_total", as_double(losses.lost_switches), take);
  give_single("throttlelens_probe_recovered_switches_total", as_double(losses.recovered_switches),
              take);
  give_single("throttlelens_probe_missed_windows_total", as_double(losses.missed_windows), take);
  give_single("throttlelens_probe_dropped_cgroups_total", as_double(losses.dropped_cgroups), take);
  give_single("throttlelens_probe_run_seconds_total", as_seconds(losses.probe_run_time), take);
  give_single("throttlelens_series_dropped_total", as_double(dropped_), take);

  give_single("process_cpu_seconds_total", process_.cpu_seconds, take);
  give_single("process_resident_memory_bytes", as_double(process_.resident_bytes), take);
  give_single("process_virtual_memory_bytes", as_double(process_.virtual_bytes), take);
  give_single("process_open_fds", as_double(process_.open_fds), take);
  give_single("process_max_fds", as_double(process_.max_fds), take);
  give_single("process_start_time_seconds", process_.start_time_seconds, take);
}

void SnapshotFamilies::each_cgroup_family(const Take& take) const {
  give_rows(
      "throttlelens_cgroup_cpu_usage_seconds_total", rows_,
      [](const CgroupRow& row) { return as_seconds(row.usage); }, take);
  give_windows("throttlelens_cgroup_cpu_utilization_cores", rows_, &WindowValue::last, take);
  give_windows("throttlelens_cgroup_cpu_window_peak_cores", rows_, &WindowValue::peak, take);

  Family ratios("throttlelens_cgroup_cpu_window_limit_utilization_ratio");
  for (const ExposedRow& exposed : rows_) {
    if (!exposed.row->limit_ratio) continue;
    ratios.add(row_labels(exposed, snapshot_.base), *exposed.row->limit_ratio);
  }
  ratios.give(take);

  const auto bandwidth = [&](std::string_view name, BandwidthValue value) {
    give_bandwidth(name, rows_, value, take);
  };
  bandwidth("throttlelens_cgroup_cpu_limit_cores", [](const Bandwidth& b) {
    const bool sound = b.limit && b.limit->period.count() > 0;
    return sound ? std::optional(b.limit->cores()) : std::nullopt;
  });
  bandwidth("throttlelens_cgroup_cpu_cfs_periods_total",
            [](const Bandwidth& b) { return as_double(b.nr_periods); });
  bandwidth("throttlelens_cgroup_cpu_cfs_throttled_periods_total",
            [](const Bandwidth& b) { return as_double(b.nr_throttled); });
  bandwidth("throttlelens_cgroup_cpu_throttled_seconds_total",
            [](const Bandwidth& b) { return as_seconds(b.throttled_time); });
  bandwidth("throttlelens_cgroup_cpu_cfs_burst_periods_total",
            [](const Bandwidth& b) { return as_double(b.nr_bursts); });
  bandwidth("throttlelens_cgroup_cpu_burst_seconds_total",
            [](const Bandwidth& b) { return as_seconds(b.burst_time); });
}

}  // namespace throttlelens
