// SPDX-License-Identifier: Apache-2.0
#include "wait_history.h"

namespace throttlelens::timeline {

void WaitHistory::add(WindowIndex window, WindowIndex oldest, const WaitAmounts& waits) {
  throttle_.add(window, oldest, waits.throttle);
  contention_.add(window, oldest, waits.contention);
  throttled_.add(window, oldest, waits.throttled);
  if (!waits.level) return;
  if (window_ != window) window_levels_ = {};
  window_ = window;
  window_levels_.add(*waits.level, waits.throttled);
  const auto longest = window_levels_.longest();
  if (!longest || throttled_.at(window) == Nanoseconds(0)) return;
  levels_.to_write(window, oldest) = static_cast<std::uint8_t>(index_of(*longest) + 1);
}

WaitAmounts WaitHistory::at(WindowIndex window) const {
  WaitAmounts waits{.throttle = throttle_.at(window),
                    .contention = contention_.at(window),
                    .throttled = throttled_.at(window),
                    .level = {}};
  if (const std::uint8_t level = levels_.at(window); level != 0) {
    waits.level = static_cast<ThrottleLevel>(level - 1);
  }
  return waits;
}

void WaitHistory::expire(WindowIndex oldest) {
  throttle_.expire(oldest);
  contention_.expire(oldest);
  throttled_.expire(oldest);
  levels_.expire(oldest);
}

std::size_t WaitHistory::bytes() const {
  return throttle_.bytes() + contention_.bytes() + throttled_.bytes() + levels_.bytes();
}

}  // namespace throttlelens::timeline
