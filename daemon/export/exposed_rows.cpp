// SPDX-License-Identifier: Apache-2.0
#include "exposed_rows.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "label_value.h"
#include "row_families.h"

namespace throttlelens {

namespace {

class Collector {
 public:
  Collector(const Snapshot& snapshot, const HiddenFamilies& hidden)
      : values_(label_texts(snapshot)),
        hidden_(hidden),
        info_(shown("throttlelens_container_info")),
        request_(shown("throttlelens_container_cpu_request_cores")),
        pod_usage_(shown("throttlelens_pod_cpu_usage_seconds_total")),
        pod_limit_(shown("throttlelens_pod_cpu_limit_cores")),
        overhead_cpu_(shown("throttlelens_pod_overhead_cpu_seconds_total")),
        overhead_memory_(shown("throttlelens_pod_overhead_private_memory_bytes")),
        ended_(shown("throttlelens_ended_cpu_usage_seconds_total")) {
    out_.rows.reserve(snapshot.containers.size() + snapshot.pods.size() + snapshot.overhead.size() +
                      snapshot.ended.size() + snapshot.cgroups.size());
  }

  // Outside of Kubernetes namespace and pod are there and empty. A scraper with honor_labels takes
  // an empty label for "none"; if it were missing, the scraper would put the namespace and pod of
  // its target there: those of the profiler.

  void add(const ContainerRow& row) {
    ExposedRow out{.kind = RowKind::container, .cpu = &row.cpu, .container = &row};
    out.series = hidden_.container_series(row.cpu) + info_ + (row.request ? request_ : 0);
    if (!row.identity || row.identity->container.empty()) {
      out_.clashing_series += out.series;
      return;
    }
    out.labels = {label("namespace", row.identity->pod_namespace), label("pod", row.identity->pod),
                  label("container", row.identity->container)};
    keep(std::move(out));
  }

  void add(const PodRow& row) {
    keep({.kind = RowKind::pod,
          .labels = {label("namespace", row.pod_namespace), label("pod", row.pod)},
          .series = (row_values::usage_seconds(row.cpu) ? pod_usage_ : 0) +
                    (row_values::limit_cores(row.cpu) ? pod_limit_ : 0),
          .cpu = &row.cpu});
  }

  void add(const OverheadRow& row) {
    ExposedRow out{.kind = RowKind::overhead, .overhead = &row};
    for (const OverheadPart& part : row.parts) {
      out.series += (part.cpu ? overhead_cpu_ : 0) + (part.private_memory ? overhead_memory_ : 0);
    }
    if (row.pod.empty() && row.container.empty()) {
      out_.clashing_series += out.series;
      return;
    }
    out.labels = {label("namespace", row.pod_namespace), label("pod", row.pod)};
    if (!row.container.empty()) out.labels.push_back(label("container", row.container));
    keep(std::move(out));
  }

  void add(const EndedUsage& row) {
    keep({.kind = RowKind::ended,
          .labels = {label("namespace", row.pod_namespace)},
          .series = ended_,
          .ended = &row});
  }

  void add(const CgroupRow& row) {
    if (!row.path) return;
    keep({.kind = RowKind::cgroup,
          .labels = {label("cgroup", *row.path)},
          .series = hidden_.cgroup_series(row),
          .cpu = &row});
  }

  ExposedRows take() { return std::move(out_); }

 private:
  prometheus::ClientMetric::Label label(const char* name, std::string_view text) const {
    return {.name = name, .value = std::string(values_.of(text))};
  }

  void keep(ExposedRow row) {
    std::string key = std::to_string(static_cast<int>(row.kind));
    for (const auto& label : row.labels) key.append(1, '\0').append(label.value);
    if (seen_.insert(std::move(key)).second) {
      out_.rows.push_back(std::move(row));
    } else {
      out_.clashing_series += row.series;
    }
  }

  /// 1 or 0, to be added up.
  std::uint64_t shown(std::string_view family) const { return hidden_.hides(family) ? 0 : 1; }

  const LabelValues values_;
  const HiddenFamilies& hidden_;
  const std::uint64_t info_;
  const std::uint64_t request_;
  const std::uint64_t pod_usage_;
  const std::uint64_t pod_limit_;
  const std::uint64_t overhead_cpu_;
  const std::uint64_t overhead_memory_;
  const std::uint64_t ended_;
  std::unordered_set<std::string> seen_;  ///< kind and values; no value holds a NUL
  ExposedRows out_;
};

}  // namespace

std::vector<std::string_view> label_texts(const Snapshot& snapshot) {
  std::vector<std::string_view> names;
  names.reserve(3 * snapshot.containers.size() + 2 * snapshot.pods.size() +
                3 * snapshot.overhead.size() + snapshot.ended.size() + snapshot.cgroups.size());
  for (const ContainerRow& row : snapshot.containers) {
    if (!row.identity) continue;
    names.insert(names.end(),
                 {row.identity->pod_namespace, row.identity->pod, row.identity->container});
  }
  for (const PodRow& row : snapshot.pods) names.insert(names.end(), {row.pod_namespace, row.pod});
  for (const OverheadRow& row : snapshot.overhead) {
    names.insert(names.end(), {row.pod_namespace, row.pod, row.container});
  }
  for (const EndedUsage& row : snapshot.ended) names.emplace_back(row.pod_namespace);
  for (const CgroupRow& row : snapshot.cgroups) {
    if (row.path) names.emplace_back(*row.path);
  }
  return names;
}

ExposedRows exposed_rows(const Snapshot& snapshot, const HiddenFamilies& hidden) {
  Collector collector(snapshot, hidden);
  const auto add = [&collector](const auto& row) { collector.add(row); };
  std::ranges::for_each(snapshot.containers, add);
  std::ranges::for_each(snapshot.pods, add);
  std::ranges::for_each(snapshot.overhead, add);
  std::ranges::for_each(snapshot.ended, add);
  std::ranges::for_each(snapshot.cgroups, add);
  return collector.take();
}

}  // namespace throttlelens
