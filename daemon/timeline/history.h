// SPDX-License-Identifier: Apache-2.0
// One kind of time of one cgroup, its use for one, in each of its base windows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.h"
#include "cell_chunks.h"
#include "model/window_batch.h"

namespace throttlelens::timeline {

/// Microseconds in 32 bits. What rounding cuts off a window is added to the next one with any, so
/// the sum over any stretch is less than 1 µs off. A window beyond 71 minutes is cut there.
class History {
 public:
  /// Windows come in rising order; `oldest` is the first that will still be asked for. The amount
  /// is not negative.
  void add(WindowIndex window, WindowIndex oldest, Nanoseconds amount);
  /// 0 where nothing was added.
  Nanoseconds at(WindowIndex window) const;
  /// Frees what lies before `oldest`.
  void expire(WindowIndex oldest) { microseconds_.expire(oldest); }
  /// Memory it points to.
  std::size_t bytes() const { return microseconds_.bytes(); }

 private:
  CellChunks<std::uint32_t> microseconds_;
  std::int64_t carry_ns_ = 0;
};

}  // namespace throttlelens::timeline
