// SPDX-License-Identifier: Apache-2.0
// Remembers base windows: five minutes of them per cgroup, and the longer windows, peaks and
// histograms that are sums over them.
#pragma once

#include <memory>
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

  /// Batches must come in order of their windows. Costs time only for the cgroups named in it.
  void apply(const WindowBatch& batch);
  /// The state after the last batch applied, including cgroups that are gone until forget().
  TimelineReading read() const;
  /// CPU time of each base window in [first, first + count), oldest first; absent where the window
  /// was missed, is outside the history, or is not completed. To the microsecond.
  std::vector<std::optional<Nanoseconds>> history(CgroupKey key, WindowIndex first,
                                                  std::uint32_t count) const;
  /// Frees what is kept of a cgroup.
  void forget(CgroupKey key);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace throttlelens
