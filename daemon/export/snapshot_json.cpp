// SPDX-License-Identifier: Apache-2.0
#include "export/snapshot_json.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "exposed_rows.h"
#include "label_value.h"
#include "row_json.h"
#include "row_order.h"
#include "row_values.h"

namespace throttlelens {

namespace {

using Json = nlohmann::ordered_json;

/// A row of any list.
struct ListedRow {
  const CgroupRow* cpu = nullptr;
  std::string_view pod_namespace{};         ///< as shown
  std::string_view pod{};                   ///< as shown
  const ContainerRow* container = nullptr;  ///< null: another kind
  const PodRow* own = nullptr;              ///< the pod's own row; null: another kind
};
using List = std::vector<ListedRow>;

/// Names are valid UTF-8 already; should one be missed, a reader still gets JSON.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

class Document {
 public:
  Document(const Snapshot& snapshot, const SnapshotQuery& query)
      : snapshot_(snapshot), query_(query), labels_(label_texts(snapshot)) {}

  std::string text() const {
    Json head = Json::object();
    head["schema_version"] = kSnapshotSchemaVersion;
    put(head, "taken_seconds", std::optional(snapshot_.taken.since_boot));
    put(head, "base_seconds", std::optional(snapshot_.base));
    Json lengths = Json::array();
    for (const Nanoseconds length : snapshot_.reported) lengths.push_back(to_seconds(length));
    head["windows_seconds"] = std::move(lengths);
    head["node"] = node();

    // One row in memory at a time beside the text: there may be thousands.
    std::string out = text_of(head);
    out.pop_back();
    append(out, "containers", containers());
    append(out, "pods", pods());
    append(out, "cgroups", cgroups());
    out += ",\"losses\":" + text_of(losses()) + "}\n";
    return out;
  }

 private:
  Json node() const {
    Json out = Json::object();
    if (snapshot_.cpus_online > 0) out["cpus_online"] = snapshot_.cpus_online;
    put(out, "tier", readable_value(snapshot_.probe.tier));
    put(out, "kernel", readable_value(snapshot_.probe.kernel));
    put(out, "cgroup_mode", readable_value(snapshot_.probe.cgroup_mode));
    Json windows = Json::array();
    for (const NodeWindow& window : snapshot_.node) {
      Json& item = windows.emplace_back(Json::object());
      put(item, "seconds", std::optional(window.length));
      put(item, "busy_cores", as_cores(window.busy, window.length));
      put(item, "idle_ratio", window.idle_ratio);
    }
    out["windows"] = std::move(windows);
    return out;
  }

  Json losses() const {
    const SourceLosses& losses = snapshot_.losses;
    Json out = Json::object();
    put(out, "lost_switches", losses.lost_switches);
    put(out, "recovered_switches", losses.recovered_switches);
    put(out, "missed_windows", std::optional(losses.missed_windows));
    put(out, "dropped_cgroups", std::optional(losses.dropped_cgroups));
    put(out, "partial_waits", losses.partial_waits);
    put(out, "lost_episodes", losses.lost_episodes);
    put(out, "probe_run_seconds", losses.probe_run_time);
    return out;
  }

  List containers() const {
    List rows;
    for (const ContainerRow& row : snapshot_.containers) {
      if (!row.identity) continue;
      rows.push_back({.cpu = &row.cpu,
                      .pod_namespace = labels_.of(row.identity->pod_namespace),
                      .pod = labels_.of(row.identity->pod),
                      .container = &row});
    }
    return chosen(std::move(rows));
  }

  List pods() const {
    List rows;
    for (const PodRow& row : snapshot_.pods) {
      rows.push_back({.cpu = &row.cpu,
                      .pod_namespace = labels_.of(row.pod_namespace),
                      .pod = labels_.of(row.pod),
                      .own = &row});
    }
    return chosen(std::move(rows));
  }

  List cgroups() const {
    List rows;
    for (const CgroupRow& row : snapshot_.cgroups) {
      if (row.path) rows.push_back({.cpu = &row});
    }
    return chosen(std::move(rows));
  }

  List chosen(List rows) const {
    std::erase_if(rows, [this](const ListedRow& row) {
      return (query_.pod_namespace && row.pod_namespace != *query_.pod_namespace) ||
             (query_.pod && row.pod != *query_.pod);
    });
    if (!query_.top) return rows;
    // Rows of which neither matters more stay in the order of their names.
    const std::size_t window = now_window(snapshot_);
    std::vector<std::size_t> order(rows.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
      const auto compared = compare_held_back(*rows[a].cpu, *rows[b].cpu, window);
      return compared != 0 ? compared < 0 : a < b;
    });
    List sorted;
    sorted.reserve(rows.size());
    for (const std::size_t i : order) sorted.push_back(rows[i]);
    rows = std::move(sorted);
    rows.resize(std::min(rows.size(), *query_.top));
    return rows;
  }

  Json row_json(const ListedRow& row) const {
    Json out = Json::object();
    std::optional<double> request;
    put(out, "namespace", row.pod_namespace);
    put(out, "pod", row.pod);
    if (row.container != nullptr) {
      const ContainerIdentity& who = *row.container->identity;
      put(out, "container", labels_.of(who.container));
      put(out, "uid", readable_value(who.uid));
      put(out, "container_id", readable_value(who.container_id));
      put(out, "image", readable_value(who.image));
      put(out, "qos", readable_value(who.qos));
      put(out, "runtime", readable_value(who.runtime));
      if (row.container->request) request = row.container->request->cores;
    }
    if (row.own != nullptr) put(out, "uid", readable_value(row.own->uid));
    if (row.cpu->path) {
      // Only of cgroups that are neither container nor pod it is a label.
      const bool is_label = row.container == nullptr && row.own == nullptr;
      put(out, "cgroup",
          is_label ? std::string(labels_.of(*row.cpu->path)) : readable_value(*row.cpu->path));
    }
    out["alive"] = row.cpu->alive;
    put_numbers(out, *row.cpu, request);
    return out;
  }

  /// A line each, so that people can read it too.
  void append(std::string& out, std::string_view key, const List& rows) const {
    out.append(",\n\"").append(key).append("\":[");
    for (const ListedRow& row : rows) {
      out += &row == rows.data() ? "\n" : ",\n";
      out += text_of(row_json(row));
    }
    out += rows.empty() ? "]" : "\n]";
  }

  const Snapshot& snapshot_;
  const SnapshotQuery& query_;
  const LabelValues labels_;
};

}  // namespace

std::string render_snapshot_json(const Snapshot& snapshot, const SnapshotQuery& query) {
  return Document(snapshot, query).text();
}

}  // namespace throttlelens
