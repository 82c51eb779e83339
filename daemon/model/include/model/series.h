// SPDX-License-Identifier: Apache-2.0
// What the timeline remembers of each cgroup, as plain values for the accounts room.
#pragma once

#include <optional>
#include <vector>

#include "base/units.h"
#include "model/cgroup.h"
#include "model/snapshot.h"
#include "model/window_batch.h"

namespace throttlelens {

struct SeriesReading {
  CgroupKey key;
  Nanoseconds total{0};  ///< since the cgroup appeared to the source: windows, gaps, corrections
  std::vector<WindowValue> windows;                ///< in the order of the reported lengths
  std::optional<LimitRatioHistogram> limit_ratio;  ///< absent until a limit was known
  std::optional<WaitTotals> waits;                 ///< absent when the source tells none
  /// Highest use of any base window since the counters were last taken; absent when none was
  /// completed.
  std::optional<Nanoseconds> peak;
};

/// The part of a SeriesReading that can be had every second of all cgroups. Absent as there.
struct CounterReading {
  CgroupKey key;
  Nanoseconds total{0};
  std::optional<Nanoseconds> throttle_wait;
  std::optional<Nanoseconds> contention_wait;
  std::optional<Nanoseconds> peak;
};

struct CountersReading {
  WindowIndex last_window = 0;  ///< last base window applied
  std::vector<CounterReading> cgroups;
};

/// One base window of the history.
struct HistoryWindow {
  Nanoseconds used{0};
  std::optional<WaitAmounts> waits;  ///< absent when the source tells none
  friend bool operator==(const HistoryWindow&, const HistoryWindow&) = default;
};

struct TimelineReading {
  bool ready = false;           ///< at least one base window was completed
  WindowIndex last_window = 0;  ///< last base window applied
  std::vector<SeriesReading> cgroups;
  std::vector<NodeWindow> node;
};

}  // namespace throttlelens
