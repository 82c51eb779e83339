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
  explicit Collector(const Snapshot& snapshot) : values_(label_texts(snapshot)) {
    out_.rows.reserve(snapshot.containers.size() + snapshot.pods.size() + snapshot.overhead.size() +
                      snapshot.ended.size() + snapshot.cgroups.size());
  }

  // Outside of Kubernetes namespace and pod are there and empty. A scraper with honor_labels takes
  // an empty label for "none"; if it were missing, the scraper would put the namespace and pod of
  // its target there: those of the profiler.

  void add(const ContainerRow& row) {
    ExposedRow out{.kind = RowKind::container, .cpu = &row.cpu, .container = &row};
    out.series = series_count(row.cpu) + 1 + (row.request ? 1 : 0);  // and container_info
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
          .series = (row_values::usage_seconds(row.cpu) ? 1U : 0U) +
                    (row_values::limit_cores(row.cpu) ? 1U : 0U),
          .cpu = &row.cpu});
  }

  void add(const OverheadRow& row) {
    ExposedRow out{.kind = RowKind::overhead, .overhead = &row};
    for (const OverheadPart& part : row.parts) {
      out.series += (part.cpu ? 1U : 0U) + (part.private_memory ? 1U : 0U);
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
          .series = 1,
          .ended = &row});
  }

  void add(const CgroupRow& row) {
    if (!row.path) return;
    keep({.kind = RowKind::cgroup,
          .labels = {label("cgroup", *row.path)},
          .series = series_count(row),
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

  const LabelValues values_;
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

ExposedRows exposed_rows(const Snapshot& snapshot) {
  Collector collector(snapshot);
  const auto add = [&collector](const auto& row) { collector.add(row); };
  std::ranges::for_each(snapshot.containers, add);
  std::ranges::for_each(snapshot.pods, add);
  std::ranges::for_each(snapshot.overhead, add);
  std::ranges::for_each(snapshot.ended, add);
  std::ranges::for_each(snapshot.cgroups, add);
  return collector.take();
}

}  // namespace throttlelens
