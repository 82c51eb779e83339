// SPDX-License-Identifier: Apache-2.0
// The BPF object that follows processes: loaded, attached, its events and entries as plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/error.h"
#include "bpf_abi/processes.h"

namespace throttlelens {

/// A process in the kernel's table, and what it used by now.
struct FollowedProcess {
  tl_u64 signal = 0;  ///< its key there
  tl_process entry{};
  tl_u32 answer = TL_PROCESS_NOT_READ;  ///< enum tl_process_answer
  tl_u64 cpu_ns = 0;                    ///< with TL_PROCESS_READ
};

class ProcessPrograms {
 public:
  /// Loads and attaches; the programs end with the object.
  static Result<std::unique_ptr<ProcessPrograms>> load();
  ~ProcessPrograms();
  ProcessPrograms(const ProcessPrograms&) = delete;
  ProcessPrograms& operator=(const ProcessPrograms&) = delete;

  /// Looks at all processes of the machine for some that should be followed and are not.
  Result<void> adopt();
  /// All that are followed, and what those that did not end used by now.
  Result<std::vector<FollowedProcess>> followed();
  void stop_following(tl_u64 signal);

  struct EventHandlers {
    std::function<void(const tl_event_seen&)> seen;
    std::function<void(const tl_event_ended&)> ended;
  };
  /// Hands on all events that are there.
  void drain_events(const EventHandlers& handlers);

  /// Processes that could not be followed, or whose end could not be read, since the start.
  std::uint64_t lost() const;

 private:
  struct Impl;
  explicit ProcessPrograms(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace throttlelens
