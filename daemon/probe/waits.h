// SPDX-License-Identifier: Apache-2.0
// What the threads of every cgroup waited for between two edges: waits, lost time and episodes,
// added up the tree.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "episodes.h"
#include "group_table.h"
#include "model/window_batch.h"
#include "wait_reader.h"

namespace throttlelens {

class Waits {
 public:
  Waits(const SharedView& view, Nanoseconds base, bool lost_known, WaitReader::AskQueues ask);

  void evicted(const tl_event_evicted& event) { reader_.evicted(event); }
  /// A stall that is over; told at the next edge.
  void ended(const tl_event_stall& event) { reader_.ended(event); }

  /// As WaitReader::gather().
  bool gather(WindowIndex edge, std::span<const CellPlace> touched) {
    return reader_.gather(edge, touched);
  }
  /// Of what was gathered. `window` ends at that edge; `online`: CPUs that can be idle.
  BatchWaits commit(const Interval& window, const GroupTable& groups,
                    std::span<const std::uint32_t> online);

 private:
  SharedView view_;
  bool lost_known_;
  WaitReader reader_;
  Episodes episodes_;
  // Scratch of one edge, kept for its capacity.
  std::vector<WaitDelta> deltas_;
  std::vector<Stall> stalls_;
};

}  // namespace throttlelens
