// SPDX-License-Identifier: Apache-2.0
// The rows of a mark: the counters of all rows that a snapshot would show at the same instant,
// without their names and windows.
#pragma once

#include <optional>
#include <vector>

#include "model/mark.h"
#include "model/series.h"
#include "names.h"
#include "rows.h"

namespace throttlelens::accounts {

/// What it refers to must outlive it.
class MarkRows {
 public:
  MarkRows(const Rows& rows, const Names& names, const CountersReading& reading);

  /// By id.
  std::vector<RowCounters> all() const;
  std::optional<Nanoseconds> usage(const Row& row) const;

 private:
  RowCounters make(const Row& row) const;
  RowCounters sum_up(const Groups::Group& group, const Row& newest) const;

  const Rows& rows_;
  const Names& names_;
  std::vector<const CounterReading*> series_;  ///< in the order of paths
};

}  // namespace throttlelens::accounts
