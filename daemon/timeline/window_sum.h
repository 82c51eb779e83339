// SPDX-License-Identifier: Apache-2.0
// One cgroup's windows of one length: sums of its base windows, the last completed and the peak.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/units.h"
#include "coverage.h"
#include "latest_sums.h"
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
  /// The last completed window, if it was whole and is known.
  std::optional<std::uint64_t> last_known(const Grid& grid) const {
    const auto last = grid.last_whole();
    return last && knows(grid, *last) ? last : std::nullopt;
  }
  /// Whether it knows any whole window from `oldest` on that is still remembered.
  bool knows_any(const Grid& grid, std::uint64_t oldest) const;

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
  /// The latest window with use counts towards the peak once it has ended, was whole, and as long
  /// as it is in the span.
  bool counts(const Grid& grid, const Life& life) const;

  LatestSums<Nanoseconds> used_;
  PeakQueue peaks_;  ///< of the windows before the latest with use
};

}  // namespace throttlelens::timeline
