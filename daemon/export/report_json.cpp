// SPDX-License-Identifier: Apache-2.0
#include "report_json.h"

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "export/snapshot_answer.h"
#include "label_value.h"
#include "report_fields.h"
#include "row_json.h"
#include "row_values.h"
#include "why_word.h"

namespace throttlelens {

namespace {

using Json = nlohmann::ordered_json;

/// Names are valid UTF-8 already; should one be missed, a reader still gets JSON.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// Base units of counts are whole numbers.
void put_number(Json& to, const std::string& key, ReportUnit unit, std::optional<double> value) {
  if (unit == ReportUnit::count || unit == ReportUnit::bytes) {
    if (value) put(to, key.c_str(), std::optional(static_cast<std::uint64_t>(*value)));
  } else {
    put(to, key.c_str(), value);
  }
}

/// Makes the objects on the way only if there is something to put.
void put_at(Json& to, std::string_view path, ReportUnit unit, std::optional<double> value) {
  if (!value) return;
  const std::size_t dot = path.find('.');
  const std::string key(path.substr(0, dot));
  if (dot == std::string_view::npos) {
    put_number(to, key, unit, value);
  } else {
    put_at(to[key], path.substr(dot + 1), unit, value);
  }
}

Json overhead_json(const OverheadValues& overhead) {
  Json out = Json::object();
  put(out, "cores", overhead.cores);
  put(out, "ratio", overhead.ratio);
  for (std::size_t i = 0; i < kOverheadComponents; ++i) {
    const OverheadValues::Part& part = overhead.parts[i];
    if (!part.cpu_seconds) continue;
    Json& item = out[std::string(kOverheadNames[i])] = Json::object();
    put(item, "cpu_seconds", part.cpu_seconds);
    put(item, "cores", part.cores);
  }
  return out;
}

class Document {
 public:
  Document(const Snapshot& snapshot, const Report& report)
      : snapshot_(snapshot), report_(report), fields_(report_fields(snapshot)) {}

  std::string text() const {
    Json head = Json::object();
    head["schema_version"] = kSnapshotSchemaVersion;
    put(head, "taken_seconds", std::optional(snapshot_.taken.since_boot));
    put(head, "base_seconds", std::optional(snapshot_.base));
    Json lengths = Json::array();
    for (const Nanoseconds length : snapshot_.reported) lengths.push_back(to_seconds(length));
    head["windows_seconds"] = std::move(lengths);
    if (report_.seconds) head["window"]["seconds"] = *report_.seconds;
    head["node"] = node();

    // One row in memory at a time beside the text: there may be thousands.
    std::string out = text_of(head);
    out.pop_back();
    append(out, "namespaces", report_.namespaces);
    append(out, "containers", report_.containers);
    append(out, "pods", report_.pods);
    append(out, "cgroups", report_.cgroups);
    append(out, "sources", fields_);
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
    Json span = Json::object();
    put(span, "busy_cores", report_.node.busy_cores);
    put(span, "idle_ratio", report_.node.idle_ratio);
    if (!span.empty()) out["over_window"] = std::move(span);
    if (Json costs = overhead_json(report_.node.overhead); !costs.empty()) {
      out["overhead"] = std::move(costs);
    }
    if (!report_.node.services.empty()) out["services"] = services();
    return out;
  }

  Json services() const {
    Json out = Json::array();
    for (const ReportService& service : report_.node.services) {
      Json& item = out.emplace_back(Json::object());
      put(item, "service", readable_value(service.name));
      put(item, "cpu_seconds", service.cpu_seconds);
      put(item, "cores", service.cores);
      put(item, "private_memory_bytes", service.private_memory);
    }
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
    put(out, "lost_processes", snapshot_.lost_processes);
    put(out, "probe_run_seconds", losses.probe_run_time);
    return out;
  }

  Json json_of(const ReportNamespace& sum) const {
    Json out = Json::object();
    put(out, "namespace", sum.name);
    put(out, "pods", std::optional<std::uint64_t>(sum.pods));
    put(out, "containers", std::optional<std::uint64_t>(sum.containers));
    if (report_.seconds) put(out, "unknown", std::optional<std::uint64_t>(sum.unknown));
    put(out, "cores", sum.cores);
    put(out, "limit_cores", sum.limit);
    put(out, "request_cores", sum.request);
    put(out, "throttle_wait_per_second", sum.throttle_wait);
    put(out, "contention_wait_per_second", sum.contention_wait);
    put(out, "overhead_cores", sum.overhead_cores);
    put(out, "private_memory_bytes", sum.private_memory);
    return out;
  }

  Json json_of(const ReportField& field) const {
    Json out = Json::object();
    put(out, "field", field.path);
    put(out, "heading", field.heading);
    put(out, "unit", unit_name(field.unit));
    put(out, "meaning", field.meaning);
    put(out, "source", source_of(field));
    return out;
  }

  Json json_of(const ReportPod& pod) const { return json_of(pod.row); }

  Json json_of(const ReportRow& row) const {
    Json out = Json::object();
    put(out, "namespace", row.pod_namespace);
    put(out, "pod", row.pod);
    put_identity(out, row);
    put(out, "cgroup", row.cgroup);
    out["alive"] = row.alive;
    if (row.cpu != nullptr) {
      put_numbers(out, *row.cpu, row.request);
    } else {
      put(out, "request_cores", row.request);
      out["windows"] = windows(row);
    }
    if (row.pod_why) put(out, "pod_why", why_word(*row.pod_why));
    for (const ReportField& field : fields_) {
      if (!field.elsewhere_in_json) put_at(out, field.path, field.unit, field.value(row));
    }
    return out;
  }

  static void put_identity(Json& out, const ReportRow& row) {
    if (row.as_pod != nullptr) put(out, "uid", readable_value(row.as_pod->uid));
    if (row.as_container == nullptr) return;
    const ContainerIdentity& who = *row.as_container->identity;
    put(out, "container", row.container);
    put(out, "uid", readable_value(who.uid));
    put(out, "container_id", readable_value(who.container_id));
    put(out, "image", readable_value(who.image));
    put(out, "qos", readable_value(who.qos));
    put(out, "runtime", readable_value(who.runtime));
  }

  /// Of a pod without a cgroup of its own.
  Json windows(const ReportRow& row) const {
    Json out = Json::array();
    for (std::size_t i = 0; i < snapshot_.reported.size(); ++i) {
      Json& item = out.emplace_back(Json::object());
      put(item, "seconds", std::optional(snapshot_.reported[i]));
      if (i < row.windows.size()) put(item, "cores", row.windows[i]);
    }
    return out;
  }

  /// A line each, so that people can read it too.
  template <typename Row>
  void append(std::string& out, std::string_view key, const std::vector<Row>& rows) const {
    out.append(",\n\"").append(key).append("\":[");
    for (const Row& row : rows) {
      out += &row == rows.data() ? "\n" : ",\n";
      out += text_of(json_of(row));
    }
    out += rows.empty() ? "]" : "\n]";
  }

  const Snapshot& snapshot_;
  const Report& report_;
  const std::vector<ReportField> fields_;
};

}  // namespace

std::string render_json(const Snapshot& snapshot, const Report& report) {
  return Document(snapshot, report).text();
}

}  // namespace throttlelens
