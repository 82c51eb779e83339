// SPDX-License-Identifier: Apache-2.0
// What goes on counting when one cgroup takes another's place: counters and histograms.
#pragma once

#include <limits>
#include <optional>

#include "base/units.h"
#include "model/cgroup.h"
#include "model/series.h"
#include "model/snapshot.h"
#include "model/waits.h"
#include "model/window_batch.h"
#include "rows.h"

namespace throttlelens::accounts {

/// Of one cgroup, or the sum of several. Absent: none of them knew it.
struct Totals {
  std::optional<Nanoseconds> usage;
  std::optional<Bandwidth> bandwidth;  ///< counters only, no limit
  std::optional<LimitRatioHistogram> limit_ratio;
  std::optional<WaitTotals> waits;
  std::optional<Nanoseconds> peak;  ///< the highest since the last mark, not a sum
  /// When the first of them began, as CgroupRow::first_window: absent if that of one is not known.
  std::optional<WindowIndex> first_window = kNone;
  static constexpr auto kNone = std::numeric_limits<WindowIndex>::max();  ///< there are none yet

  void add(const Totals& other);
};

/// Never overflows: the most there can be is where it stops.
Nanoseconds saturated_sum(Nanoseconds a, Nanoseconds b);
/// Of two of which what is known is known.
void add_known(std::optional<Nanoseconds>& to, std::optional<Nanoseconds> from);
/// `total`: what was counted since the row's start. Without the kernel's counter at that start it
/// is not the cgroup's total.
std::optional<Nanoseconds> usage_of(const Row& row, Nanoseconds total);
/// `series` may be null: nothing was measured.
Totals totals_of(const Row& row, const SeriesReading* series);

}  // namespace throttlelens::accounts
