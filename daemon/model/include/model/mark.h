// SPDX-License-Identifier: Apache-2.0
// The counters of all rows at past instants, kept for a while: what a snapshot of the last n
// seconds is the difference from.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/units.h"
#include "model/overhead.h"
#include "model/window_batch.h"

namespace throttlelens {

/// A row's counters, as CgroupRow has them. Absent as they are absent there.
struct RowCounters {
  std::uint64_t id = 0;  ///< CgroupRow::id
  std::optional<Nanoseconds> usage;
  std::optional<Nanoseconds> throttle_wait;
  std::optional<Nanoseconds> contention_wait;
  std::optional<Nanoseconds> throttled_time;
  std::uint64_t nr_periods = 0;
  std::uint64_t nr_throttled = 0;
  /// Highest use of any base window that ended in (the mark before, this mark]; absent when none
  /// was completed.
  std::optional<Nanoseconds> peak;
};

struct OverheadCounters {
  std::uint64_t id = 0;  ///< OverheadRow::id
  std::array<std::optional<Nanoseconds>, kOverheadComponents> cpu{};
};

struct Mark {
  MonoTime at{};                           ///< end of `window`
  WindowIndex window = 0;                  ///< last base window that is in the counters
  std::vector<RowCounters> rows;           ///< by id
  std::vector<OverheadCounters> overhead;  ///< by id
  std::array<std::optional<Nanoseconds>, kOverheadComponents> node_overhead{};
  std::vector<ServiceRow> services;  ///< by name; no memory
};

/// Oldest first; closer together the younger they are.
using Marks = std::vector<std::shared_ptr<const Mark>>;

/// The youngest mark that is at least `span` before `now`. Null when none is that old.
inline std::shared_ptr<const Mark> mark_before(const Marks& marks, MonoTime now, Nanoseconds span) {
  const auto after =
      std::ranges::partition_point(marks, [&](const auto& mark) { return now - mark->at >= span; });
  return after == marks.begin() ? nullptr : *std::prev(after);
}

}  // namespace throttlelens
