// SPDX-License-Identifier: Apache-2.0
// What somebody asked for of a snapshot and of the span before it, as plain values: every form is
// made of these, so that no two of them disagree.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "export/snapshot_query.h"
#include "model/mark.h"
#include "model/snapshot.h"
#include "report_span.h"

namespace throttlelens {

/// What it costs to run something, beside what runs in it. Absent: none, or not known.
struct OverheadValues {
  struct Part {
    std::optional<double> cpu_seconds;  ///< since throttlelens watches
    std::optional<double> cores;        ///< within the span
    std::optional<std::uint64_t> private_memory;
  };
  std::array<Part, kOverheadComponents> parts{};  ///< in the order of OverheadComponent
  std::optional<double> cores;                    ///< of the parts that are known
  std::optional<std::uint64_t> private_memory;    ///< see private_memory(OverheadParts)
  /// `cores` divided by those that the pod's application containers used in the span (pause is
  /// none of them), or the container itself; of the node: by all its CPUs. Absent also if they used
  /// nothing.
  std::optional<double> ratio;
};

enum class ReportKind : std::uint8_t { container, pod, cgroup };

struct ReportRow {
  ReportKind kind = ReportKind::cgroup;
  // As the labels of metrics have them: valid UTF-8, but any characters.
  std::string pod_namespace;
  std::string pod;
  std::string container;
  std::string cgroup;  ///< of pods and containers no label, only valid UTF-8
  bool alive = true;
  // Parts of the snapshot.
  const CgroupRow* cpu = nullptr;  ///< null: a pod without a cgroup of its own
  const ContainerRow* as_container = nullptr;
  const PodRow* as_pod = nullptr;

  /// Cores of the last completed windows, in the order of Snapshot::reported.
  std::vector<std::optional<double>> windows;
  std::optional<double> limit;    ///< cores; of a pod: of its own cgroup
  std::optional<double> request;  ///< cores; of a pod: of its containers together
  SpanValues span;
  std::optional<Why> why;
  /// Of pods only: the highest throttled_ratio of its own cgroup and of its containers.
  std::optional<double> pod_throttled_ratio;
  /// Of pods only: what holds it back, or else the container in it that waited most of those that
  /// something holds back. quota: a container's own; pod_quota: the pod's.
  std::optional<Why> pod_why;
  OverheadValues overhead;  ///< of pods, and of containers outside of pods
};

/// What the whole pod did: from its own cgroup's counters if it has one, else sums of those of its
/// containers, absent if one of them is not known.
struct ReportPod {
  ReportRow row;
  std::vector<ReportRow> containers;  ///< all of them, by name
};

/// All pods and containers that were asked for, also those that `top` leaves out. Sums of what is
/// known.
struct ReportNamespace {
  std::string name;  ///< empty: outside of Kubernetes
  std::size_t pods = 0;
  std::size_t containers = 0;
  /// Pods, and containers outside of pods, whose use within the span is not known: it is missing in
  /// `cores`.
  std::size_t unknown = 0;
  std::optional<double> cores;
  std::optional<double> limit;    ///< of containers that have one
  std::optional<double> request;  ///< of containers that have one
  std::optional<double> throttle_wait;
  std::optional<double> contention_wait;
  std::optional<double> overhead_cores;
  std::optional<std::uint64_t> private_memory;
};

struct ReportService {
  std::string name;
  std::optional<double> cpu_seconds;
  std::optional<double> cores;  ///< within the span
  std::optional<std::uint64_t> private_memory;
};

struct ReportNode {
  std::optional<double> busy_cores;  ///< within the span: what the root cgroup used
  /// Part of the CPUs that no thread used within the span; interrupts between threads are in it.
  std::optional<double> idle_ratio;
  OverheadValues overhead;  ///< of all pods, also of those that are gone; without memory
  std::vector<ReportService> services;
};

/// Rows are in the order that was asked for, each list cut to `top`.
struct Report {
  std::optional<double> seconds;  ///< that the span covers; absent: there is none
  ReportNode node;
  std::vector<ReportNamespace> namespaces;  ///< by name
  std::vector<ReportPod> pods;
  std::size_t pods_left_out = 0;
  std::vector<ReportRow> containers;  ///< in pods and outside
  std::vector<ReportRow> outside;     ///< containers outside of pods
  std::size_t outside_left_out = 0;
  std::vector<ReportRow> cgroups;  ///< all
  /// Without the root, and those that hold containers or are part of one: none of them counts what
  /// another row counts too.
  std::vector<ReportRow> others;
  std::size_t others_left_out = 0;
};

/// `start` may be null. The report refers to the snapshot.
Report make_report(const Snapshot& snapshot, const Mark* start, const SnapshotQuery& query);

}  // namespace throttlelens
