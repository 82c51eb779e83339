// SPDX-License-Identifier: Apache-2.0
// What the kernel told of processes, made into a batch: each root is told before what descends from
// it ends, and what was lost on the way is counted.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "bpf_abi/processes.h"
#include "model/process.h"
#include "process_programs.h"

namespace throttlelens {

/// Of a process that was there before, or was announced in vain.
struct ProcessWords {
  std::string comm;
  std::string arguments;
};

class ProcessLedger {
 public:
  /// Absent when the process is gone.
  using Describe = std::function<std::optional<ProcessWords>(const ProcessKey&)>;
  explicit ProcessLedger(Describe describe) : describe_(std::move(describe)) {}

  /// All that are followed, before the events that came meanwhile. Returns the keys that the kernel
  /// need not follow any longer.
  std::vector<tl_u64> followed(std::span<const FollowedProcess> all, MonoTime now);
  void seen(const tl_event_seen& event);
  void ended(const tl_event_ended& event);
  /// What became known since the last call; `alive` of the last followed(), if there was one.
  ProcessBatch take();

 private:
  void need_root(const ProcessKey& root, ProcessKind kind, CgroupKey cgroup);
  bool is_over(const FollowedProcess& process, MonoTime now, std::vector<ProcessUse>& ended);
  void forget_roots();

  Describe describe_;
  ProcessBatch batch_;
  std::map<ProcessKey, std::uint64_t> roots_;  ///< told; in which round last
  std::uint64_t round_ = 0;
  std::optional<std::vector<FollowedProcess>> followed_;
  std::map<tl_u64, MonoTime> gone_since_;  ///< entries whose process is gone, by their key
  std::uint64_t lost_ = 0;
};

}  // namespace throttlelens
