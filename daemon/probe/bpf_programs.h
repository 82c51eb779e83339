// SPDX-License-Identifier: Apache-2.0
// The BPF object of this process: loaded, attached, seeded, its maps in our memory. The only file
// pair that calls libbpf for it.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "base/error.h"
#include "base/units.h"
#include "bpf_abi/accounting.h"
#include "kernel_types.h"
#include "shared_view.h"

namespace throttlelens {

class BpfPrograms {
 public:
  /// Loads and attaches; the programs end with the object.
  static Result<std::unique_ptr<BpfPrograms>> load(Nanoseconds base, std::uint32_t max_slots);
  ~BpfPrograms();
  BpfPrograms(const BpfPrograms&) = delete;
  BpfPrograms& operator=(const BpfPrograms&) = delete;

  const SharedView& view() const;
  const WaitFields& fields() const;  ///< of the running kernel

  /// Fills view().running. Interrupts no CPU.
  Result<void> read_running();

  /// Room for TL_BATCH requests; fill, then answer(count).
  std::span<tl_bandwidth> requests();
  Result<void> answer_requests(std::size_t count);

  /// Room for TL_BATCH requests; fill, then answer_queues(count).
  std::span<tl_queue> queues();
  Result<void> answer_queues(std::size_t count);

  /// The cgroup in this slot will be announced again at its next switch, if it still lives.
  void forget(std::uint32_t slot);

  struct EventHandlers {
    std::function<void(const tl_event_cgroup&)> cgroup;    ///< TL_EVENT_CGROUP
    std::function<void(const tl_event_cgroup&)> overflow;  ///< TL_EVENT_OVERFLOW
    std::function<void(const tl_event_evicted&)> evicted;
    std::function<void(const tl_event_stall&)> stall;
  };
  /// Hands on all events that are there.
  void drain_events(const EventHandlers& handlers);

  /// What the kernel measured of our switch program; absent unless it counted since the last call,
  /// as it does with kernel.bpf_stats_enabled.
  std::optional<Nanoseconds> run_time();

 private:
  struct Impl;
  explicit BpfPrograms(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace throttlelens
