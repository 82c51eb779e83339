// SPDX-License-Identifier: Apache-2.0
// Reads from shared memory how much every cgroup had run at a window's edge, and returns what was
// added since the edge before. Differences of running totals: whatever one edge places wrongly
// (a slice in progress is estimated from the last tick), the next one puts right, and the sum over
// any stretch of windows is exact.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/units.h"
#include "model/window_batch.h"
#include "shared_view.h"

namespace throttlelens {

/// CPU time of one cgroup's own threads on one CPU between two edges.
struct CellDelta {
  std::uint32_t slot = 0;  ///< TL_SLOT_IDLE: wall time of the idle thread
  std::uint64_t serial = 0;
  std::uint64_t ns = 0;
};

/// A cell's CPU and slot.
struct CellPlace {
  std::uint32_t cpu = 0;
  std::uint32_t slot = 0;
};

class EdgeReader {
 public:
  EdgeReader(const SharedView& view, Nanoseconds base);

  /// The final cell of a cgroup whose slot was taken over.
  void evicted(const tl_event_evicted& event);

  /// Reads the totals at the start of window `edge`. `current` is the window in progress. Needs
  /// view.running as fresh as the call. False when a cell has moved on more than TL_EDGES windows:
  /// then only a later edge can be read. `scan_all` looks at every cell instead of those touched
  /// since the last edge: at the start and after a gap, when the lists have been reused.
  bool gather(WindowIndex edge, WindowIndex current, bool scan_all);
  /// The cells gathered.
  const std::vector<CellPlace>& touched() const { return touched_; }
  /// Of what was gathered: appends what was added since the last edge committed.
  void commit(std::vector<CellDelta>& deltas);

 private:
  struct Seen {  // what has been handed on
    std::uint64_t serial = 0;
    std::uint64_t ns = 0;
  };
  struct Evicted {
    std::uint32_t cpu = 0;
    std::uint32_t slot = 0;
    tl_cell cell{};
    std::uint64_t seen_ns = 0;
  };
  struct InProgress {
    std::uint32_t slot = 0;
    std::uint64_t serial = 0;
    std::uint64_t ns = 0;  // charged, or to be charged, between switch-in and the edge
  };
  struct Reading {
    std::size_t index = 0;
    std::uint32_t slot = 0;
    std::uint64_t serial = 0;
    std::uint64_t ns = 0;
  };

  void add(std::uint32_t slot, std::uint64_t serial, std::uint64_t ns);
  void add_own_slice(const tl_cpu& cpu, const tl_running& running, std::uint64_t edge_clock);
  std::uint64_t guess_limit(std::uint32_t cpu_index, const tl_cpu& cpu, WindowIndex edge) const;
  void add_in_progress(std::uint32_t cpu_index, const tl_cpu& cpu, WindowIndex edge);
  bool add_touched(std::uint32_t cpu_index, const tl_cpu& cpu, WindowIndex from,
                   WindowIndex current);
  void mark(std::uint32_t slot);
  bool read_cell(std::uint32_t cpu_index, std::uint32_t slot, WindowIndex edge);
  std::uint64_t& seen_total(std::size_t index, std::uint32_t cpu, std::uint64_t serial);

  SharedView view_;
  std::uint64_t base_ns_;
  WindowIndex last_edge_ = 0;
  WindowIndex edge_ = 0;    // gathered
  std::vector<Seen> seen_;  // [cpu * max_slots + slot]
  // Totals handed on of cgroups whose slot was taken over before their final cell arrived.
  std::unordered_map<std::uint64_t, std::uint64_t> superseded_;  // serial * CPUs + cpu
  std::vector<Evicted> evicted_;
  // Scratch of one read, kept for its capacity.
  std::vector<InProgress> in_progress_;
  std::vector<std::uint32_t> slots_;
  std::vector<std::uint32_t> stamp_;  // [slot]: the last pass that listed it
  std::uint32_t pass_ = 0;
  std::vector<Reading> readings_;
  std::vector<CellPlace> touched_;
};

}  // namespace throttlelens
