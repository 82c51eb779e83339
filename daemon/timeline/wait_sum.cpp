// SPDX-License-Identifier: Apache-2.0
#include "wait_sum.h"

#include <algorithm>

#include "amount.h"

namespace throttlelens::timeline {

WaitAmounts usable(WaitAmounts told) {
  told.throttle = at_least_zero(told.throttle);
  told.contention = at_least_zero(told.contention);
  told.throttled = at_least_zero(told.throttled);
  if (told.level && index_of(*told.level) >= kThrottleLevels) told.level.reset();
  return told;
}

void ThrottledByLevel::add(ThrottleLevel level, Nanoseconds throttled) {
  Nanoseconds& sum = throttled_[index_of(level)];
  sum = add_saturated(sum, throttled);
}

std::optional<ThrottleLevel> ThrottledByLevel::longest() const {
  const auto most = std::ranges::max_element(throttled_);  // the first of equals
  if (*most == Nanoseconds(0)) return std::nullopt;
  return static_cast<ThrottleLevel>(most - throttled_.begin());
}

void WaitSum::add(const WaitAmounts& waits) {
  throttle_ = add_saturated(throttle_, waits.throttle);
  contention_ = add_saturated(contention_, waits.contention);
  throttled_ = add_saturated(throttled_, waits.throttled);
  if (waits.level) levels_.add(*waits.level, waits.throttled);
}

WaitAmounts WaitSum::amounts() const {
  return {.throttle = throttle_,
          .contention = contention_,
          .throttled = throttled_,
          .level = levels_.longest()};
}

}  // namespace throttlelens::timeline
