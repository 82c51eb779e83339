// SPDX-License-Identifier: Apache-2.0
#include "snapshot_families.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include "human.h"
#include "label_value.h"
#include "row_families.h"

namespace throttlelens {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

ClientMetric::Label label(std::string_view name, std::string value) {
  return {.name = std::string(name), .value = std::move(value)};
}

/// Empty values are left out: to Prometheus an empty label is no label.
Labels info_labels(std::initializer_list<std::pair<const char*, const std::string*>> all) {
  Labels labels;
  for (const auto& [name, value] : all) {
    if (!value->empty()) labels.push_back(label(name, readable_value(*value)));
  }
  return labels;
}

void give_single(std::string_view name, std::optional<double> value, const TakeFamily& take) {
  Family family(name);
  family.add({}, value);
  family.give(take);
}

/// The row's labels and one more.
Labels extended(const ExposedRow& row, std::string_view name, std::string value) {
  Labels labels;
  labels.reserve(row.labels.size() + 1);
  labels = row.labels;
  labels.push_back(label(name, std::move(value)));
  return labels;
}

/// Puts one row into one of kRowFamilies. Values are asked first, so that labels are not copied for
/// nothing.
struct AddRow {
  Family& family;
  const ExposedRow& row;
  Nanoseconds base;

  void operator()(PlainValue value) const {
    if (const auto v = value(*row.cpu)) family.add(row.labels, v);
  }
  void operator()(WindowField field) const {
    for (const WindowValue& window : row.cpu->windows) {
      if (const auto v = as_cores(window.*field, window.length)) {
        family.add(extended(row, "window", exact_duration(window.length)), v);
      }
    }
  }
  void operator()(LimitRatios ratios) const {
    if (const auto& known = row.cpu->*ratios) {
      family.add(extended(row, "window", exact_duration(base)), *known);
    }
  }
  void operator()(NumbersBy numbers) const { add_parts(numbers); }
  void operator()(DurationsBy durations) const { add_parts(durations); }

 private:
  template <typename PartsBy>
  void add_parts(const PartsBy& parts) const {
    for (const auto& part : parts.of(*row.cpu)) {
      family.add(extended(row, parts.label, std::string(part.label)), part.value);
    }
  }
};

}  // namespace

SnapshotFamilies::SnapshotFamilies(const Snapshot& snapshot, const ProcessStats& process,
                                   const MetricsOptions& options, std::uint64_t dropped_before)
    : snapshot_(snapshot),
      process_(process),
      options_(options),
      hidden_(options.exclude),
      dropped_(dropped_before) {
  std::uint64_t own = 0;
  each_own([&](MetricFamily&& family) {
    if (!hidden_.hides(family.name)) own += family.metric.size();
  });
  ExposedRows all = exposed_rows(snapshot, hidden_);
  selection_ =
      select_rows(std::move(all.rows), options.max_series > own ? options.max_series - own : 0);
  dropped_ += all.clashing_series + selection_.left_out.series;
}

std::vector<MetricFamily> SnapshotFamilies::Collect() const {
  std::vector<MetricFamily> families;
  each([&families](MetricFamily&& family) { families.push_back(std::move(family)); });
  return families;
}

void SnapshotFamilies::each(const TakeFamily& take) const {
  const TakeFamily shown = [&](MetricFamily&& family) {
    if (!hidden_.hides(family.name)) take(std::move(family));
  };
  each_own(shown);
  each_container_only(shown);
  each_row_family(kContainerPrefix, RowKind::container, shown);
  each_pod(shown);
  each_overhead(shown);
  each_ended(shown);
  each_row_family(kCgroupPrefix, RowKind::cgroup, shown);
}

void SnapshotFamilies::each_own(const TakeFamily& take) const {
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

  if (snapshot_.cpus_online > 0) {
    give_single("throttlelens_node_online_cpus", snapshot_.cpus_online, take);
  }
  Family utilization("throttlelens_node_cpu_utilization_cores");
  Family idle("throttlelens_node_cpu_idle_ratio");
  for (const NodeWindow& window : snapshot_.node) {
    const ClientMetric::Label length = label("window", exact_duration(window.length));
    utilization.add({length}, as_cores(window.busy, window.length));
    idle.add({length}, window.idle_ratio);
  }
  utilization.give(take);
  idle.give(take);
  each_service(take);

  const SourceLosses& losses = snapshot_.losses;
  give_single("throttlelens_probe_lost_switches_total", as_double(losses.lost_switches), take);
  give_single("throttlelens_probe_recovered_switches_total", as_double(losses.recovered_switches),
              take);
  give_single("throttlelens_probe_missed_windows_total", as_double(losses.missed_windows), take);
  give_single("throttlelens_probe_dropped_cgroups_total", as_double(losses.dropped_cgroups), take);
  give_single("throttlelens_probe_partial_waits_total", as_double(losses.partial_waits), take);
  give_single("throttlelens_probe_lost_episodes_total", as_double(losses.lost_episodes), take);
  give_single("throttlelens_probe_lost_processes_total", as_double(snapshot_.lost_processes), take);
  give_single("throttlelens_probe_run_seconds_total", as_seconds(losses.probe_run_time), take);
  give_single("throttlelens_series_dropped_total", as_double(dropped_), take);
  Family errors("throttlelens_metadata_errors_total");
  for (const MetadataErrors& one : snapshot_.metadata_errors) {
    errors.add({label("source", readable_value(one.source))}, as_double(one.count));
  }
  errors.give(take);
  const auto running = std::ranges::count_if(snapshot_.containers,
                                             [](const ContainerRow& row) { return row.cpu.alive; });
  const auto listed = std::ssize(snapshot_.containers);
  Family containers("throttlelens_containers");
  containers.add({label("state", "running")}, static_cast<double>(running));
  containers.add({label("state", "ended")}, static_cast<double>(listed - running));
  containers.give(take);

  give_single("process_cpu_seconds_total", process_.cpu_seconds, take);
  give_single("process_resident_memory_bytes", as_double(process_.resident_bytes), take);
  give_single("process_virtual_memory_bytes", as_double(process_.virtual_bytes), take);
  give_single("process_open_fds", as_double(process_.open_fds), take);
  give_single("process_max_fds", as_double(process_.max_fds), take);
  give_single("process_start_time_seconds", process_.start_time_seconds, take);
}

void SnapshotFamilies::each_service(const TakeFamily& take) const {
  Family overhead("throttlelens_node_overhead_cpu_seconds_total");
  for (std::size_t i = 0; i < kOverheadComponents; ++i) {
    overhead.add({label("component", std::string(kOverheadNames[i]))},
                 as_seconds(snapshot_.node_overhead[i]));
  }
  overhead.give(take);
  Family cpu("throttlelens_node_service_cpu_seconds_total");
  Family memory("throttlelens_node_service_private_memory_bytes");
  for (const ServiceRow& service : snapshot_.services) {
    const ClientMetric::Label name = label("service", readable_value(service.name));
    cpu.add({name}, as_seconds(service.cpu));
    memory.add({name}, as_double(service.private_memory));
  }
  cpu.give(take);
  memory.give(take);
}

void SnapshotFamilies::each_container_only(const TakeFamily& take) const {
  const auto containers = rows(RowKind::container);
  Family info("throttlelens_container_info");
  Family request("throttlelens_container_cpu_request_cores");
  info.reserve(containers.size());
  for (const ExposedRow& row : containers) {
    const ContainerIdentity& identity = *row.container->identity;
    Labels labels = info_labels({{"uid", &identity.uid},
                                 {"container_id", &identity.container_id},
                                 {"image", &identity.image},
                                 {"qos", &identity.qos},
                                 {"runtime", &identity.runtime}});
    labels.insert(labels.begin(), row.labels.begin(), row.labels.end());
    info.add(std::move(labels), 1);
    if (const auto& known = row.container->request) {
      request.add(extended(row, "source", readable_value(known->source)), known->cores);
    }
  }
  info.give(take);
  request.give(take);
}

void SnapshotFamilies::each_pod(const TakeFamily& take) const {
  Family usage("throttlelens_pod_cpu_usage_seconds_total");
  Family limit("throttlelens_pod_cpu_limit_cores");
  for (const ExposedRow& row : rows(RowKind::pod)) {
    usage.add(row.labels, row_values::usage_seconds(*row.cpu));
    limit.add(row.labels, row_values::limit_cores(*row.cpu));
  }
  usage.give(take);
  limit.give(take);
}

void SnapshotFamilies::each_overhead(const TakeFamily& take) const {
  Family cpu("throttlelens_pod_overhead_cpu_seconds_total");
  Family memory("throttlelens_pod_overhead_private_memory_bytes");
  for (const ExposedRow& row : rows(RowKind::overhead)) {
    for (std::size_t i = 0; i < kOverheadComponents; ++i) {
      const OverheadPart& part = row.overhead->parts[i];
      const std::string component(kOverheadNames[i]);
      if (part.cpu) cpu.add(extended(row, "component", component), as_seconds(part.cpu));
      if (part.private_memory) {
        memory.add(extended(row, "component", component), as_double(part.private_memory));
      }
    }
  }
  cpu.give(take);
  memory.give(take);
}

void SnapshotFamilies::each_ended(const TakeFamily& take) const {
  Family ended("throttlelens_ended_cpu_usage_seconds_total");
  for (const ExposedRow& row : rows(RowKind::ended)) {
    ended.add(row.labels, to_seconds(row.ended->usage));
  }
  ended.give(take);
}

void SnapshotFamilies::each_row_family(std::string_view prefix, RowKind kind,
                                       const TakeFamily& take) const {
  const auto all = rows(kind);
  for (const RowFamily& described : kRowFamilies) {
    const std::string name = std::string(prefix).append(described.suffix);
    if (hidden_.hides(name)) continue;
    Family family(name);
    for (const ExposedRow& row : all) {
      std::visit(AddRow{.family = family, .row = row, .base = snapshot_.base}, described.value);
    }
    family.give(take);
  }
}

std::span<const ExposedRow> SnapshotFamilies::rows(RowKind kind) const {
  const auto found = std::ranges::equal_range(selection_.rows, kind, {}, &ExposedRow::kind);
  return {found.begin(), found.end()};
}

}  // namespace throttlelens
