// SPDX-License-Identifier: Apache-2.0
// What it costs to run pods: gives the time and memory of shims, runc and conmon to the pod they
// serve, and adds up the services of the node.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "model/cgroup.h"
#include "model/container.h"
#include "model/overhead.h"
#include "model/process.h"

namespace throttlelens {

struct OverheadOptions {
  std::string proc = "/proc";  ///< of the first pid namespace
  bool private_memory = true;  ///< false: without CAP_SYS_PTRACE, so none is told
  /// How long a row whose processes are all gone stays, so that the next scrape still sees it.
  Nanoseconds keep_ended{std::chrono::seconds(60)};
};

/// What the room asks of others, who own the answers.
struct OverheadPorts {
  /// The container a cgroup is, or is part of. Null: none.
  std::function<const ContainerIdentity*(CgroupKey)> container_around;
  /// Processes of a cgroup now; empty when it is gone.
  std::function<std::vector<std::uint32_t>(CgroupKey)> processes_of;
  /// CPU time that this process, and the calling thread, have used. Null: the system's clocks.
  std::function<Nanoseconds()> process_time{};
  std::function<Nanoseconds()> thread_time{};
};

class Overhead {
 public:
  Overhead(OverheadOptions options, OverheadPorts ports);
  ~Overhead();
  Overhead(const Overhead&) = delete;
  Overhead& operator=(const Overhead&) = delete;

  /// Names may come before the processes that serve them, or after; rows show them as they are
  /// given. To be called before apply(), and with what was found after the batch was collected:
  /// else a process in a container that is still unknown would be taken for one of the node's.
  void identify(const std::vector<Identified>& identified, const std::vector<CgroupKey>& gone,
                MonoTime now);
  void apply(const ProcessBatch& batch, MonoTime now);
  /// Reads the private memory of at most one process; to be called with every base window. Each is
  /// read in turn, and less often the more it costs: 0.1 % of a CPU at most, all together.
  void read_memory(MonoTime now);
  /// Of all that were never read, whatever it costs: for who looks once, and must not see the
  /// memory of half a pod.
  void read_missing_memory(MonoTime now);
  OverheadReading read() const;
  void set_keep_ended(Nanoseconds keep_ended);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace throttlelens
