// SPDX-License-Identifier: Apache-2.0
// Follows the processes that serve containers (shims, conmon, runc and its kind) from fork to exit,
// and the services of the node. Two siblings implement it: BPF at fork, exec, exit and at a move to
// another cgroup, none of them at a switch; and polling of /proc.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/units.h"
#include "model/cgroup.h"
#include "model/process.h"

namespace throttlelens {

class ProcessSource {
 public:
  virtual ~ProcessSource() = default;
  /// What became known since the last call. To be called with every base window; `read_alive` asks
  /// for ProcessBatch::alive too. An error leaves out what could not be had this time; nothing that
  /// ended is lost by it.
  virtual Result<ProcessBatch> collect(MonoTime now, bool read_alive) = 0;
};

struct ProcessSourceOptions {
  std::string proc = "/proc";  ///< of the first pid namespace
  /// The cgroup, in the hierarchy of the cpu controller, that the text of a /proc/<pid>/cgroup
  /// names. Only make_proc_process_source() needs it; empty: ProcessSeen::cgroup is not known, {}.
  std::function<CgroupKey(const std::string& text)> cgroup_of = {};
};

/// Loads and attaches; on failure says which step the kernel refused. Processes that are there
/// already are found at once, with all the time they have used.
Result<std::unique_ptr<ProcessSource>> make_bpf_process_source(const ProcessSourceOptions& options);

/// Looks for shims, monitors and services in /proc once a second. Knows no helpers: they are gone
/// before one can look. Times are in clock ticks (10 ms).
std::unique_ptr<ProcessSource> make_proc_process_source(const ProcessSourceOptions& options);

}  // namespace throttlelens
