// SPDX-License-Identifier: Apache-2.0
// Remembers base windows of use and waits: five minutes of them per cgroup, and the longer windows,
// peaks and histograms that are sums over them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/units.h"
#include "model/series.h"
#include "model/window_batch.h"

namespace throttlelens {

struct TimelineOptions {
  Nanoseconds base{std::chrono::milliseconds(100)};
  /// Multiples of base; each window of length L covers [n * L, (n + 1) * L) of CLOCK_MONOTONIC.
  std::vector<Nanoseconds> reported{std::chrono::milliseconds(100), std::chrono::seconds(1),
                                    std::chrono::seconds(5)};
  Nanoseconds history{std::chrono::minutes(5)};  ///< base windows kept
  Nanoseconds peak_span{std::chrono::seconds(60)};
};

class Timeline {
 public:
  explicit Timeline(const TimelineOptions& options);
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  /// Batches come in order of their windows; one that does not is ignored. Windows no batch spoke
  /// of count as missed. Costs time only for the cgroups named in it.
  void apply(const WindowBatch& batch);
  /// The state after the last batch applied, including cgroups that are gone until forget(), in no
  /// particular order. Peaks are exact: of the windows that ended in (now - peak_span, now], where
  /// now is the end of the last base window. A cgroup's windows are absent as long as they started
  /// before it appeared, unless it had used nothing before. Waits are absent where the source told
  /// none: of all cgroups alike; one that is not named in them did not wait.
  TimelineReading read() const;
  /// The same of one cgroup; absent if nothing is kept of it.
  std::optional<SeriesReading> read(CgroupKey key) const;
  /// The counters of all cgroups, those that are gone until forget() included, and their peaks
  /// since the last call: the highest base window, as exact as the other peaks. The next peaks
  /// start here.
  CountersReading take_counters();
  /// CPU time and waits of each base window in [first, first + count), oldest first; absent where
  /// the window was missed, is outside the history, is not completed, or ended before the cgroup
  /// appeared. To the microsecond, and so is the sum over any stretch.
  std::vector<std::optional<HistoryWindow>> history(CgroupKey key, WindowIndex first,
                                                    std::uint32_t count) const;
  /// Frees what is kept of a cgroup.
  void forget(CgroupKey key);
  /// Memory kept for a cgroup, without the allocator's own; 0 if there is no such cgroup.
  std::size_t bytes(CgroupKey key) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace throttlelens
