// SPDX-License-Identifier: Apache-2.0
// All that is remembered of one cgroup.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/units.h"
#include "coverage.h"
#include "history.h"
#include "limit_ratio.h"
#include "model/series.h"
#include "model/window_batch.h"
#include "stretch_peak.h"
#include "wait_series.h"
#include "window_sum.h"

namespace throttlelens::timeline {

class CgroupSeries {
 public:
  CgroupSeries(Life life, std::size_t lengths) : life_(std::move(life)), windows_(lengths) {}

  /// Time that belongs to the total.
  void add_total(Nanoseconds used);
  /// What is used in the base window that `coverage` is about to see is not known. Comes before
  /// add_window().
  void add_unknown(const Coverage& coverage);
  /// Time within the base window that `coverage` is about to see; belongs to the total as well.
  void add_window(const Coverage& coverage, Nanoseconds used);
  /// Starts the total of use anew. Waits have no counter in the kernel that could hold them.
  void restart_total() { total_ = Nanoseconds(0); }
  /// Waits that belong to the totals.
  void add_total(const Coverage& coverage, const CgroupWaits& waits);
  /// Waits within the base window that `coverage` is about to see; belong to the totals as well.
  void add_window(const Coverage& coverage, const CgroupWaits& waits);
  /// The limit's CPU time per base window, from the window on that `coverage` is about to see.
  void set_limit(const Coverage& coverage, std::optional<double> limit);
  /// The cgroup was removed: no windows are counted against its limit any more.
  void end(const Coverage& coverage);
  bool ended() const { return ended_; }

  SeriesReading read(const Coverage& coverage, CgroupKey key,
                     std::span<const Nanoseconds> lengths) const;
  CounterReading counters(const Coverage& coverage, CgroupKey key) const;
  std::optional<HistoryWindow> at(const Coverage& coverage, WindowIndex window) const;
  /// Frees what lies behind the history and the peaks.
  void expire(const Coverage& coverage);
  std::size_t bytes() const;

 private:
  /// Whether the use of the base window that `coverage` is about to see is not known.
  bool unknown_now(const Coverage& coverage) const;
  /// Of the base windows of the stretch.
  std::optional<Nanoseconds> peak(const Coverage& coverage) const;

  Life life_;
  bool ended_ = false;
  Nanoseconds total_{0};
  std::vector<WindowSum> windows_;     ///< one per reported length
  std::unique_ptr<LimitRatio> ratio_;  ///< null until a limit is known: most never have one
  StretchPeak peak_;
  History history_;
  WaitSeries waits_;
};

}  // namespace throttlelens::timeline
