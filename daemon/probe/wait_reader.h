// SPDX-License-Identifier: Apache-2.0
// Reads from shared memory how long the threads of every cgroup had waited at a window's edge,
// waits in progress included, and returns what was added since the edge before.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/units.h"
#include "edge_reader.h"
#include "model/window_batch.h"
#include "shared_view.h"

namespace throttlelens {

/// What one cgroup's own threads waited between two edges, and which waits ended.
struct WaitDelta {
  std::uint64_t serial = 0;
  std::uint64_t throttled_ns = 0;
  std::uint64_t contended_ns = 0;
  std::uint64_t lost_ns = 0;
  std::array<std::uint64_t, TL_CAUSES> ended_ns{};  ///< by tl_cause
  std::array<std::array<std::uint64_t, TL_WAIT_BUCKETS>, TL_CAUSES> ended{};
};

/// A stretch in which a cgroup's queue on one CPU was throttled while a thread waited on it, or the
/// part of one that was not told yet.
struct Stall {
  std::uint64_t serial = 0;
  std::uint32_t level = 0;  ///< levels above the cgroup that ran dry; 0: itself
  /// Its own thread ran dry, or woke up after that. Otherwise it was throttled on another's
  /// account: how long is known, and when only roughly (up to 6.17).
  bool noticed = true;
  Nanoseconds since{0};  ///< CLOCK_MONOTONIC
  Nanoseconds until{0};  ///< the edge, while it goes on; later than it, when it ended since
};

class WaitReader {
 public:
  /// Answers the requests in place, as tl_read_queues does.
  using AskQueues = std::function<void(std::span<tl_queue>)>;

  WaitReader(const SharedView& view, Nanoseconds base, AskQueues ask);

  /// The final cell of a cgroup whose slot was taken over.
  void evicted(const tl_event_evicted& event);
  /// A stall that is over.
  void ended(const tl_event_stall& event) { ended_.push_back(event); }

  /// Reads the cells `touched` since the last edge, and those with a wait in progress. False when
  /// one has moved on more than TL_EDGES windows.
  bool gather(WindowIndex edge, std::span<const CellPlace> touched);
  /// Of what was gathered: appends what was added, and the stalls that ended or are in progress.
  void commit(std::vector<WaitDelta>& deltas, std::vector<Stall>& stalls);

 private:
  // The counters of a cell, read together.
  struct Counters {
    std::uint64_t wait_ns = 0;
    std::uint64_t waiting = 0;
    std::uint64_t throttled_ns = 0;
    std::uint64_t lost_ns = 0;
    std::array<std::uint64_t, TL_CAUSES> ended_ns{};
    std::array<std::array<std::uint32_t, TL_WAIT_BUCKETS>, TL_CAUSES> ended{};
  };
  struct Reading {
    CellPlace place;
    std::uint64_t serial = 0;
    Counters counters;
    bool changed_since = false;  // after the edge: the values at the edge are the stored ones
    std::uint64_t wait_edge = 0;
    std::uint64_t throttle_edge = 0;
    std::uint64_t held = 0;
    std::uint64_t settled = 0;
    std::uint64_t stall_since = 0;
    std::uint64_t stall_settled = 0;
    std::uint32_t stall_level = 0;
    std::int64_t offset_ns = 0;
    tl_queue queue{};  // valid only where something is held
  };
  // A stall is a stretch of its queue's throttle clock; what was told of it is known by that clock.
  struct Told {
    std::uint64_t time = 0;
    Nanoseconds until{0};  // the edge, when it went on there
    bool went_on = false;
  };
  struct Seen {
    CellPlace place;
    Counters counters;
    Told told;
  };
  // Of one cgroup, all CPUs.
  struct Sum {
    std::uint64_t wait_ns = 0;
    std::uint64_t waiting = 0;
    std::uint64_t throttled_ns = 0;
    std::uint64_t told_throttled = 0;
    std::uint64_t told_contended = 0;
    // Of the edge being read.
    std::uint64_t wait_beyond = 0;
    std::uint64_t throttle_beyond = 0;
    bool touched = false;
    WaitDelta delta;
  };

  std::uint64_t key(std::uint64_t serial, std::uint32_t cpu) const {
    return serial * view_.cpus.size() + cpu;
  }
  bool read_cell(const CellPlace& place);
  Reading reading_of(const tl_cell& cell, const CellPlace& place) const;
  void ask_queues();
  std::uint64_t throttle_clock(const Reading& reading) const;
  void add(const Reading& reading);
  void take_off_running();
  static void tell_stall(Told& told, const Stall& stall, std::uint64_t from, std::uint64_t to,
                         std::vector<Stall>& stalls);
  void add_ended(const tl_event_stall& event, std::vector<Stall>& stalls);
  void add_stall(const Reading& reading, std::vector<Stall>& stalls);
  bool seen_anywhere(std::uint64_t serial) const;
  void tell(std::uint64_t serial, Sum& sum, std::vector<WaitDelta>& deltas) const;

  SharedView view_;
  std::uint64_t base_ns_;
  AskQueues ask_;
  WindowIndex edge_ = 0;
  std::unordered_map<std::uint64_t, Seen> seen_;  // by key()
  std::unordered_map<std::uint64_t, Sum> sums_;   // by serial
  std::vector<std::uint64_t> open_;               // keys of cells that hold waits
  std::vector<tl_event_evicted> evicted_;
  std::vector<tl_event_stall> ended_;
  // Scratch of one edge, kept for its capacity.
  std::vector<Reading> readings_;
  std::vector<tl_queue> queues_;
  std::unordered_set<std::uint64_t> read_;  // keys
};

}  // namespace throttlelens
