// SPDX-License-Identifier: Apache-2.0
// Which windows were seen whole. It is the same for every cgroup, so it is kept once; this is
// what lets a cgroup that does nothing cost nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/window_batch.h"
#include "unknown_windows.h"

namespace throttlelens::timeline {

/// The windows of one length: number m covers base windows [m * factor, (m + 1) * factor).
class Grid {
 public:
  /// Remembers every window that ended within the last `span` base windows.
  Grid(std::uint64_t factor, std::uint64_t span);

  std::uint64_t factor() const { return factor_; }
  /// The window in progress; all before it have ended.
  std::uint64_t current() const { return current_; }
  /// The oldest window that ended within the span.
  std::uint64_t oldest() const { return oldest_; }
  /// Whether the window has ended, is still remembered, and none of its base windows was missed.
  bool whole(std::uint64_t window) const;
  /// The last window before the one in progress, if it was whole.
  std::optional<std::uint64_t> last_whole() const {
    return newest_whole_ && *newest_whole_ + 1 == current_ ? newest_whole_ : std::nullopt;
  }
  /// The latest whole window, if it ended within the span.
  std::optional<std::uint64_t> newest_whole() const {
    return newest_whole_ && *newest_whole_ >= oldest_ ? newest_whole_ : std::nullopt;
  }

  void start(WindowIndex first);
  /// One more base window was seen, the `run`-th in a row.
  void advance(WindowIndex end, std::uint64_t run);
  /// Base windows up to `end` were missed.
  void skip(WindowIndex end);

 private:
  void move_to(WindowIndex end);

  std::uint64_t factor_;
  std::uint64_t span_;
  std::uint64_t current_ = 0;
  std::uint64_t oldest_ = 0;
  std::optional<std::uint64_t> newest_whole_;
  std::vector<bool> whole_;  ///< ring
};

class Coverage {
 public:
  Coverage(std::uint64_t history, const std::vector<std::uint64_t>& factors,
           std::uint64_t peak_span);

  /// False for what was covered before, and for indexes no clock can reach.
  bool in_order(WindowIndex first, std::uint32_t count) const;
  /// Windows nobody spoke of before `first` count as missed.
  void begin(WindowIndex first);
  /// The source tells waits, of this batch at least.
  void hear(const BatchWaits& waits);
  /// After begin(): the window it named was seen, or `count` windows from it on were missed.
  void seen(bool with_waits);
  void missed(std::uint32_t count);

  /// One past the last base window applied.
  WindowIndex end() const { return end_; }
  /// Starts another stretch of windows for peaks: from the next one on.
  void begin_stretch() { stretch_ = end_; }
  /// The first window of the stretch.
  WindowIndex stretch() const { return stretch_; }
  /// How many base windows were seen, ever: the number of windows a cgroup was idle is the
  /// difference of two of these.
  std::uint64_t windows_seen() const { return seen_; }
  /// Whether the source ever told waits, and whether the latest that it told had lost time.
  bool waits_told() const { return waits_told_; }
  bool lost_known() const { return lost_known_; }
  /// Whether waits were told of all windows in [first, end) that were seen.
  bool waits_known(WindowIndex first, WindowIndex end) const {
    return !without_waits_.any(first, end);
  }
  /// No base window before this one is asked for any more.
  WindowIndex oldest() const;
  const Grid& base() const { return base_; }
  const std::vector<Grid>& reported() const { return reported_; }

 private:
  bool started_ = false;
  WindowIndex end_ = 0;
  WindowIndex stretch_ = 0;
  std::uint64_t seen_ = 0;
  std::uint64_t run_ = 0;
  bool waits_told_ = false;
  bool lost_known_ = false;
  UnknownWindows without_waits_;
  Grid base_;
  std::vector<Grid> reported_;
};

}  // namespace throttlelens::timeline
