// SPDX-License-Identifier: Apache-2.0
// A source turns what the kernel counts into one WindowBatch a base window. Two siblings
// implement it: BPF on sched_switch, and polling of cpu.stat.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "model/cgroup.h"
#include "model/snapshot.h"
#include "model/window_batch.h"

namespace throttlelens {

struct SourceOptions {
  Nanoseconds base{std::chrono::milliseconds(100)};  ///< length of a base window
  std::uint32_t max_cgroups = 4096;
};

class Source {
 public:
  virtual ~Source() = default;
  virtual ProbeInfo info() const = 0;
  /// Everything that has completed since the last call: full windows in order, gaps where
  /// windows were read too late. Empty when no window has ended yet. Call it soon after each
  /// window's end; `now` decides which windows have ended.
  virtual Result<std::vector<WindowBatch>> collect(MonoTime now, const TreeChanges& tree) = 0;
};

/// Polls the counters of every cgroup once a window. Works without any privilege beyond reading
/// cgroupfs. `counters` must outlive the source.
std::unique_ptr<Source> make_cpustat_source(const SourceOptions& options, ProbeInfo info,
                                            CgroupCounters& counters);

/// BPF on sched_switch, in-kernel reads of the bandwidth counters, and `counters` as cross-check.
/// Loads, attaches and seeds; on failure says which step the kernel refused.
Result<std::unique_ptr<Source>> make_bpf_source(const SourceOptions& options, ProbeInfo info,
                                                CgroupCounters& counters);

}  // namespace throttlelens
