// SPDX-License-Identifier: Apache-2.0
// One cgroup's windows of one length: sums of its base windows, the last completed and the peak.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/units.h"
#include "coverage.h"
#include "model/snapshot.h"
#include "peak_queue.h"
#include "unknown_windows.h"

namespace throttlelens::timeline {

/// When a cgroup is known: from its appearance on, but for some windows.
struct Life {
  WindowIndex appeared = 0;
  /// It had used nothing before, so a window it appeared in the middle of is known whole.
  bool unused_before = false;
  UnknownWindows unknown{};

  bool knows(const Grid& grid, std::uint64_t window) const {
    const std::uint64_t start = window * grid.factor();
    return began(grid, window) && !unknown.any(start, start + grid.factor());
  }
  /// Whether it knows any whole window that is still remembered.
  bool knows_any(const Grid& grid) const;

 private:
  bool began(const Grid& grid, std::uint64_t window) const {
    const std::uint64_t start = window * grid.factor();
    return start >= appeared || (unused_before && start + grid.factor() > appeared);
  }
};

class WindowSum {
 public:
  /// Adds to the window in progress.
  void add(const Grid& grid, const Life& life, Nanoseconds used);
  /// Fills `last` and `peak`.
  void read(const Grid& grid, const Life& life, WindowValue& value) const;
  void expire(const Grid& grid) { peaks_.expire(grid.oldest()); }
  std::size_t bytes() const { return peaks_.bytes(); }

 private:
  static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
  /// The latest window with use counts towards the peak once it has ended, was whole, and as long
  /// as it is in the span.
  bool counts(const Grid& grid, const Life& life) const;

  std::uint64_t window_ = kNone;  ///< the latest with use; it may have ended since
  Nanoseconds used_{0};
  Nanoseconds used_before_{0};  ///< in the window just before that one
  PeakQueue peaks_;             ///< of the windows before the latest with use
};

}  // namespace throttlelens::timeline
