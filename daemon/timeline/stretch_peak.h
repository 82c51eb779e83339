// SPDX-License-Identifier: Apache-2.0
// The highest base window of one cgroup since some window: a stretch that starts anew every second,
// for all cgroups at once and without touching those that do nothing.
#pragma once

#include <algorithm>

#include "amount.h"
#include "base/units.h"
#include "model/window_batch.h"

namespace throttlelens::timeline {

/// Stretches start after every window added before.
class StretchPeak {
 public:
  /// Adds to a window of the stretch that began with window `start`. Windows come in rising order.
  void add(WindowIndex start, WindowIndex window, Nanoseconds used) {
    if (window_ != window) {
      before_ = of(start);
      latest_ = Nanoseconds(0);
      window_ = window;
    }
    latest_ = add_saturated(latest_, used);
  }
  /// 0 where nothing was added.
  Nanoseconds of(WindowIndex start) const {
    return window_ < start ? Nanoseconds(0) : std::max(before_, latest_);
  }

 private:
  WindowIndex window_ = 0;  ///< the latest with use
  Nanoseconds latest_{0};   ///< of that window
  Nanoseconds before_{0};   ///< highest of those before it in its stretch
};

}  // namespace throttlelens::timeline
