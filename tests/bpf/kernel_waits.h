// SPDX-License-Identifier: Apache-2.0
// What the kernel itself says of waits, read where any tool would, and the few things that a test
// of waits sets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "scoped_cgroup.h"

namespace throttlelens::test {

/// Of all live threads of the processes in a cgroup. The kernel adds a wait when it is over, so the
/// numbers are exact while all of them sleep.
struct ThreadTimes {
  Nanoseconds run_delay{0};
  Nanoseconds cpu{0};
  unsigned threads = 0;
};
ThreadTimes thread_times(const ScopedCgroup& group);

/// Throttled time of a cgroup's own quota: the sum over CPUs, up to the last unthrottling.
Nanoseconds kernel_throttled(const ScopedCgroup& group);
/// Throttled time of a cgroup's own queues, whoever's quota ran out (6.6 and newer).
std::optional<Nanoseconds> kernel_throttled_local(const ScopedCgroup& group);

/// cpu.weight, or as many times 1024 / 100 cpu.shares.
void set_weight(const ScopedCgroup& group, unsigned weight);

/// The kernel's run queues have fields for the time of interrupts or of the hypervisor.
bool kernel_has_lost_time();
/// Throttling stops threads, not queues (6.18 and newer).
bool kernel_stops_threads();

/// Why a CPU cannot be taken offline here; empty when it can. Only in guests: this machine is not
/// ours.
std::string cannot_unplug_cpu();
/// CPU 1, back online whatever happens.
class UnpluggedCpu {
 public:
  UnpluggedCpu();
  ~UnpluggedCpu();
  UnpluggedCpu(const UnpluggedCpu&) = delete;
  UnpluggedCpu& operator=(const UnpluggedCpu&) = delete;
};

}  // namespace throttlelens::test
