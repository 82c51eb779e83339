// SPDX-License-Identifier: Apache-2.0
// Sums over the windows of one length, of which only the latest are kept: the one in progress and
// the one before it, which is the last completed.
#pragma once

#include <cstdint>
#include <limits>

namespace throttlelens::timeline {

template <typename Sum>
class LatestSums {
 public:
  /// Whether there ever was anything to add.
  bool any() const { return window_ != kNone; }
  /// The latest window with something in it; it may have ended since.
  std::uint64_t window() const { return window_; }
  const Sum& latest() const { return latest_; }
  /// The sum of window `current`, which is in progress, to add to.
  Sum& to_add(std::uint64_t current) {
    if (window_ != current) {
      before_ = any() && window_ + 1 == current ? latest_ : Sum{};
      latest_ = Sum{};
      window_ = current;
    }
    return latest_;
  }
  /// Of the window in progress or the one before it: nothing where nothing was added.
  Sum of(std::uint64_t window) const {
    if (window_ == window) return latest_;
    if (window_ == window + 1) return before_;
    return Sum{};
  }

 private:
  static constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t window_ = kNone;
  Sum latest_{};
  Sum before_{};  ///< of the window just before that one
};

}  // namespace throttlelens::timeline
