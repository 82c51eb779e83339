// SPDX-License-Identifier: Apache-2.0
// Sums of the waits of one cgroup within one window.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "base/units.h"
#include "model/waits.h"

namespace throttlelens::timeline {

/// Its place in arrays; kThrottleLevels or more if it is no level.
constexpr std::size_t index_of(ThrottleLevel level) {
  return static_cast<std::size_t>(level);
}

/// As told by a source, made sound: nothing is negative, and a level is one that exists.
WaitAmounts usable(WaitAmounts told);

/// Wall-clock throttled time, by the level that ran dry.
class ThrottledByLevel {
 public:
  void add(ThrottleLevel level, Nanoseconds throttled);
  /// The level with the most, the nearer of two that have the same; absent while all have none.
  std::optional<ThrottleLevel> longest() const;

 private:
  std::array<Nanoseconds, kThrottleLevels> throttled_{};
};

class WaitSum {
 public:
  /// What usable() returned.
  void add(const WaitAmounts& waits);
  WaitAmounts amounts() const;

 private:
  Nanoseconds throttle_{0};
  Nanoseconds contention_{0};
  Nanoseconds throttled_{0};
  ThrottledByLevel levels_;
};

}  // namespace throttlelens::timeline
