// SPDX-License-Identifier: Apache-2.0
// All that is remembered of one cgroup's waits: a null pointer until the source names them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "coverage.h"
#include "latest_sums.h"
#include "model/waits.h"
#include "model/window_batch.h"
#include "wait_history.h"
#include "wait_sum.h"

namespace throttlelens::timeline {

class WaitSeries {
 public:
  /// What belongs to the totals.
  void add_total(const Coverage& coverage, const CgroupWaits& waits);
  /// Waits within the base window that `coverage` is about to see; their totals are not added here.
  void add_window(const Coverage& coverage, const WaitAmounts& waits);

  WaitTotals totals(const Coverage& coverage) const;
  // Of the totals, without copying the rest.
  Nanoseconds throttle() const {
    return remembered_ ? remembered_->totals.throttle : Nanoseconds(0);
  }
  Nanoseconds contention() const {
    return remembered_ ? remembered_->totals.contention : Nanoseconds(0);
  }
  /// Of the last completed window of a reported length, which counts from 0.
  WaitAmounts sum(std::size_t length, std::uint64_t last) const;
  WaitAmounts at(WindowIndex window) const;
  /// Frees what lies behind the history.
  void expire(WindowIndex oldest);
  /// Memory it points to.
  std::size_t bytes() const;

 private:
  struct Remembered {
    WaitTotals totals;
    std::vector<LatestSums<WaitSum>> windows;  ///< one per reported length
    WaitHistory history;
  };
  Remembered& remembered();

  std::unique_ptr<Remembered> remembered_;
};

}  // namespace throttlelens::timeline
