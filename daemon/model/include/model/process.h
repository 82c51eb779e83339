// SPDX-License-Identifier: Apache-2.0
// Processes that serve containers without being part of one: shims, conmon, runc and its kind, and
// the services of the node.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "model/cgroup.h"

namespace throttlelens {

/// What a process is, by the name of its program and by whom it descends from.
enum class ProcessKind : std::uint8_t {
  shim,     ///< containerd-shim...: one stays with each pod, others start and delete
  monitor,  ///< conmon: one with each container of CRI-O or Podman
  helper,   ///< runc and its kind, and whatever else a shim or monitor starts
  service,  ///< kubelet, containerd, dockerd, ...
};

/// Never the same for two processes: a pid is used again, but not within the same instant.
struct ProcessKey {
  std::uint32_t pid = 0;  ///< of the process (tgid), in the first pid namespace
  /// When it was started, CLOCK_BOOTTIME. Source: task_struct.start_boottime; field 22 of
  /// /proc/<pid>/stat is the same in clock ticks, rounded down.
  Nanoseconds started{0};
  friend auto operator<=>(const ProcessKey&, const ProcessKey&) = default;
};

/// A process that the overhead of a pod may begin with, or a service.
struct ProcessSeen {
  ProcessKey key;
  ProcessKind kind = ProcessKind::helper;
  std::string comm;       ///< at most 15 bytes that others chose
  std::string arguments;  ///< as in /proc/<pid>/cmdline: each ends in a NUL, the last may be cut
  CgroupKey cgroup;       ///< it was in, in the hierarchy of the cpu controller
};

/// CPU time of a process and all its threads, ended ones included, since it was started. Source:
/// signal_struct.sum_sched_runtime and se.sum_exec_runtime, or /proc/<pid>/stat.
struct ProcessUse {
  ProcessKey key;
  ProcessKind kind = ProcessKind::helper;
  ProcessKey root;  ///< the one of ProcessSeen it descends from; itself for those
  Nanoseconds cpu{0};
};

/// What became known since the last batch.
struct ProcessBatch {
  std::vector<ProcessSeen> seen;
  /// Final: the process ended, or joined a container's cgroup and counts to that from now on.
  /// Each once, after its root was seen.
  std::vector<ProcessUse> ended;
  /// All that live, read at one instant; absent when they were not read this time.
  std::optional<std::vector<ProcessUse>> alive;
  /// Processes whose beginning or end was not told, since the start; absent when the tier cannot
  /// follow processes.
  std::optional<std::uint64_t> lost;
};

}  // namespace throttlelens
