// SPDX-License-Identifier: Apache-2.0
// The immutable picture every reader shares: a scrape, a table and a page see the same one.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "model/cgroup.h"
#include "model/container.h"
#include "model/mark.h"
#include "model/overhead.h"
#include "model/waits.h"
#include "model/window_batch.h"

namespace throttlelens {

/// Upper bounds of container_cpu_window_limit_utilization_ratio; the last bucket is +Inf.
inline constexpr std::array<double, 9> kLimitRatioBounds{0.1,  0.25, 0.5, 0.75, 0.9,
                                                         0.99, 1.1,  1.5, 2.1};

/// Base windows counted by use divided by the limit (quota scaled to the window).
struct LimitRatioHistogram {
  std::array<std::uint64_t, kLimitRatioBounds.size() + 1> buckets{};  ///< not cumulative
  double sum = 0;                                                     ///< of the ratios
};

/// One reported window length of one row. Values in CPU time; divide by the length for cores.
struct WindowValue {
  Nanoseconds length{0};
  std::optional<Nanoseconds> last;   ///< last completed window; absent if it was missed or none yet
  std::optional<Nanoseconds> peak;   ///< highest in the last 60 s; absent if none was completed
  std::optional<WaitAmounts> waits;  ///< of the last one; absent with `last`, or without waits
};

/// The window that tells what holds a cgroup back: long enough not to flicker. Null without any.
inline const WindowValue* longest_window(const std::vector<WindowValue>& windows) {
  const auto longest = std::ranges::max_element(windows, {}, &WindowValue::length);
  return longest == windows.end() ? nullptr : &*longest;
}

/// What a row is and what lies right above it. ThrottleLevel is relative to the cgroup: together
/// they say whose quota ran out.
enum class Standing {
  cgroup,         ///< no container: itself, or an ancestor
  container,      ///< not right below a pod's cgroup, or of no pod: itself, or an ancestor
  pod_container,  ///< right below its pod's own cgroup: itself, its pod, or an ancestor further up
};

/// What keeps a cgroup from running now, as one word. Of the longest reported window.
enum class Why {
  fine,            ///< nothing worth a word
  quota,           ///< its own limit
  pod_quota,       ///< its pod's limit
  ancestor_quota,  ///< a limit further up
  neighbours,      ///< others have the CPUs
  own_threads,     ///< more threads want to run than there are CPUs; nobody else is in the way
};

struct CgroupRow {
  CgroupKey key;
  /// The same in a later snapshot or mark: the same row, and its counters went on from there.
  std::uint64_t id = 0;
  std::shared_ptr<const std::string> path;
  bool alive = true;
  bool holds_containers = false;  ///< a container is somewhere below it
  bool in_container = false;      ///< it is part of a container, whose row has its time too
  Standing standing = Standing::cgroup;
  std::optional<Nanoseconds> usage;    ///< the kernel's total; absent when its start is unknown
  std::vector<WindowValue> windows;    ///< in the order of Snapshot::reported
  std::optional<Bandwidth> bandwidth;  ///< absent for the root, or not yet read
  std::optional<LimitRatioHistogram> limit_ratio;  ///< absent without a limit
  std::optional<WaitTotals>
      waits;               ///< since throttlelens watches; absent when the tier cannot know
  std::optional<Why> why;  ///< absent without waits, or before the window was completed
  /// Highest use of any base window that ended after the youngest of Snapshot::marks.
  std::optional<Nanoseconds> peak_since_mark;
  /// The base window in which all its counters (usage, waits, bandwidth) began, at 0: whoever has
  /// an older mark without this row knows that they began after it. Absent: not known, or the
  /// cgroup had a past when throttlelens first saw it.
  std::optional<WindowIndex> first_window;
};

/// The CPU request, as the kernel enforces it now.
struct CpuRequest {
  double cores = 0;
  /// "shares": cpu.shares (v1), or the bundle's shares confirmed by cpu.weight (v2). "bundle": the
  /// bundle's shares where the kernel's file could not be read.
  /// "weight_linear", "weight_log": computed back from a cpu.weight that no longer is what the
  /// bundle asked for, by the mapping of runc before 1.3.2 and crun before 1.23, or since.
  std::string source;
  friend bool operator==(const CpuRequest&, const CpuRequest&) = default;
};

/// A container: all that ran under one namespace, pod and container name while the row was kept.
/// Counters and the histogram go on when a container is restarted; key, path, limit, request and
/// windows are those of the newest.
struct ContainerRow {
  std::shared_ptr<const ContainerIdentity> identity;  ///< of the newest; role application
  CgroupRow cpu;
  std::optional<CpuRequest> request;  ///< absent without one
};

/// A pod's own cgroup: all its containers, ended ones and the sandbox included. Counters go on when
/// a pod of the same name takes its place.
struct PodRow {
  std::string pod_namespace;
  std::string pod;
  std::string uid;
  CgroupRow cpu;
};

/// CPU time of pods, and of containers outside of pods, whose rows are gone. With the rows that are
/// there it adds up to all that the namespace used.
struct EndedUsage {
  std::string pod_namespace;  ///< empty: outside of Kubernetes, or not known
  Nanoseconds usage{0};
};

/// Names that could not be had.
struct MetadataErrors {
  /// "containerd", "crio", "docker", "podman"; "none": no file was found; "claimed": the names are
  /// another cgroup's.
  std::string source;
  std::uint64_t count = 0;
  friend bool operator==(const MetadataErrors&, const MetadataErrors&) = default;
};

struct NodeWindow {
  Nanoseconds length{0};
  std::optional<Nanoseconds> busy;   ///< absent when the window was missed, or a part not known
  std::optional<double> idle_ratio;  ///< of all online CPUs; absent when the tier cannot know
};

struct ProbeInfo {
  std::string tier;         ///< "bpf" or "cpustat"
  std::string reason;       ///< why not bpf; empty in tier bpf
  std::string kernel;       ///< release, as uname -r
  std::string cgroup_mode;  ///< "v1", "hybrid" or "v2"
};

struct Snapshot {
  MonoTime taken{};
  WindowIndex last_window = 0;  ///< last completed base window
  bool ready = false;           ///< at least one base window was completed
  Nanoseconds base{0};
  std::vector<Nanoseconds> reported;
  ProbeInfo probe;
  std::uint32_t cpus_online = 0;
  std::vector<NodeWindow> node;  ///< in the order of `reported`
  std::vector<CgroupRow>
      cgroups;  ///< no containers; one per path: parents before children, by path
  std::vector<ContainerRow> containers;  ///< one per namespace, pod and container, in that order
  std::vector<PodRow> pods;              ///< one per namespace and pod, in that order
  std::vector<EndedUsage> ended;         ///< one per namespace, in order
  /// What pods, and containers outside of pods, cost beside what runs in them; by namespace, pod
  /// and container.
  std::vector<OverheadRow> overhead;
  /// CPU of all of them, those that are gone included, by component; see OverheadReading::node.
  std::array<std::optional<Nanoseconds>, kOverheadComponents> node_overhead{};
  std::vector<ServiceRow> services;                                      ///< of the node, by name
  std::optional<std::uint64_t> lost_processes;                           ///< see ProcessBatch::lost
  std::shared_ptr<const Marks> marks = std::make_shared<const Marks>();  ///< the past; never null
  std::vector<MetadataErrors> metadata_errors;  ///< one per source, in order
  SourceLosses losses;
};

}  // namespace throttlelens
