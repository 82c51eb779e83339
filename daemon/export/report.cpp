// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <algorithm>
#include <map>
#include <utility>

#include "report_order.h"
#include "report_rows.h"
#include "row_order.h"
#include "row_values.h"
#include "sums.h"

namespace throttlelens {

namespace {

const ReportRow& row_at(const std::vector<ReportRow>& rows, std::size_t i) {
  return rows[i];
}
const ReportRow& row_at(const std::vector<ReportPod>& pods, std::size_t i) {
  return pods[i].row;
}

class Builder {
 public:
  Builder(const Snapshot& snapshot, const Mark* start, const SnapshotQuery& query)
      : snapshot_(snapshot), query_(query), span_(snapshot, start), rows_(snapshot, span_) {}

  Report build() {
    out_.seconds = span_.seconds();
    add_containers();
    add_pods();
    add_cgroups();
    add_node();
    add_namespaces();  // of all rows; then they are put in order and cut
    cut(out_.pods, out_.pods_left_out);
    cut(out_.outside, out_.outside_left_out);
    cut(out_.others, out_.others_left_out);
    std::size_t unused = 0;
    cut(out_.containers, unused);
    cut(out_.cgroups, unused);
    return std::move(out_);
  }

 private:
  bool wanted(std::string_view pod_namespace, std::string_view pod) const {
    return (!query_.pod_namespace || rows_.label(pod_namespace) == *query_.pod_namespace) &&
           (!query_.pod || rows_.label(pod) == *query_.pod);
  }

  void add_containers() {
    for (const ContainerRow& row : snapshot_.containers) {
      if (!row.identity || !wanted(row.identity->pod_namespace, row.identity->pod)) continue;
      out_.containers.push_back(rows_.container(row));
      if (row.identity->pod.empty()) out_.outside.push_back(out_.containers.back());
    }
  }

  /// Those that have a cgroup of their own, containers, or costs.
  void add_pods() {
    struct Parts {
      const PodRow* own = nullptr;
      std::vector<ReportRow> containers;
    };
    std::map<std::pair<std::string_view, std::string_view>, Parts> pods;
    for (const PodRow& row : snapshot_.pods) pods[{row.pod_namespace, row.pod}].own = &row;
    for (const ReportRow& row : out_.containers) {
      const ContainerIdentity& who = *row.as_container->identity;
      if (!who.pod.empty()) pods[{who.pod_namespace, who.pod}].containers.push_back(row);
    }
    for (const OverheadRow& row : snapshot_.overhead) {
      if (!row.pod.empty()) pods[{row.pod_namespace, row.pod}];
    }
    for (auto& [name, parts] : pods) {
      if (!wanted(name.first, name.second)) continue;
      out_.pods.push_back(
          rows_.pod(name.first, name.second, parts.own, std::move(parts.containers)));
    }
  }

  void add_cgroups() {
    if (!wanted("", "")) return;
    for (const CgroupRow& row : snapshot_.cgroups) {
      if (!row.path) continue;
      out_.cgroups.push_back(rows_.cgroup(row));
      if (*row.path != "/" && !row.holds_containers && !row.in_container) {
        out_.others.push_back(out_.cgroups.back());
      }
    }
  }

  void add_node() {
    ReportNode& node = out_.node;
    const auto root = std::ranges::find_if(
        snapshot_.cgroups, [](const CgroupRow& row) { return row.path && *row.path == "/"; });
    if (root != snapshot_.cgroups.end()) node.busy_cores = span_.of(*root).cores;
    std::optional<double> cpus;
    if (snapshot_.cpus_online > 0) cpus = snapshot_.cpus_online;
    if (node.busy_cores && cpus) node.idle_ratio = std::max(0.0, 1 - *node.busy_cores / *cpus);
    for (std::size_t i = 0; i < kOverheadComponents; ++i) {
      node.overhead.parts[i] = {.cpu_seconds = as_seconds(snapshot_.node_overhead[i]),
                                .cores = span_.node_overhead(static_cast<OverheadComponent>(i)),
                                .private_memory = {}};
    }
    add_up(node.overhead, cpus);
    for (const ServiceRow& row : snapshot_.services) {
      node.services.push_back({.name = row.name,
                               .cpu_seconds = as_seconds(row.cpu),
                               .cores = span_.service(row),
                               .private_memory = row.private_memory});
    }
  }

  void add_namespaces() {
    std::map<std::string_view, ReportNamespace> all;
    const auto add = [&all](const ReportRow& row) {
      ReportNamespace& sum = all[row.pod_namespace];
      if (!row.span.cores) ++sum.unknown;
      add_known(sum.cores, row.span.cores);
      add_known(sum.throttle_wait, row.span.throttle_wait);
      add_known(sum.contention_wait, row.span.contention_wait);
      add_known(sum.overhead_cores, row.overhead.cores);
      add_known(sum.private_memory, row.overhead.private_memory);
    };
    for (const ReportPod& pod : out_.pods) {
      add(pod.row);
      ++all[pod.row.pod_namespace].pods;
    }
    for (const ReportRow& row : out_.outside) add(row);
    for (const ReportRow& row : out_.containers) {
      ReportNamespace& sum = all[row.pod_namespace];
      ++sum.containers;
      add_known(sum.limit, row.limit);
      add_known(sum.request, row.request);
    }
    for (auto& [name, sum] : all) {
      sum.name = name;
      out_.namespaces.push_back(std::move(sum));
    }
  }

  /// In the order that was asked for, and no more than that.
  template <typename Row>
  void cut(std::vector<Row>& rows, std::size_t& left_out) const {
    const SnapshotSort sort =
        query_.sort.value_or(query_.top ? SnapshotSort::why : SnapshotSort::name);
    const std::size_t window = now_window(snapshot_);
    std::vector<std::size_t> order(rows.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      const int compared = compare_rows(row_at(rows, a), row_at(rows, b), sort, window);
      return compared != 0 ? compared < 0 : a < b;
    });
    order.resize(std::min(order.size(), query_.top.value_or(order.size())));
    left_out = rows.size() - order.size();
    std::vector<Row> chosen;
    chosen.reserve(order.size());
    for (const std::size_t i : order) chosen.push_back(std::move(rows[i]));
    rows = std::move(chosen);
  }

  const Snapshot& snapshot_;
  const SnapshotQuery& query_;
  const Span span_;
  const ReportRows rows_;
  Report out_;
};

}  // namespace

Report make_report(const Snapshot& snapshot, const Mark* start, const SnapshotQuery& query) {
  return Builder(snapshot, start, query).build();
}

}  // namespace throttlelens
