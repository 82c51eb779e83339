// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <algorithm>
#include <limits>

#include "amount.h"

namespace throttlelens::timeline {

void History::add(WindowIndex window, WindowIndex oldest, Nanoseconds amount) {
  constexpr std::int64_t kPerMicrosecond = 1000;
  const std::int64_t exact = add_saturated(amount, Nanoseconds(carry_ns_)).count();
  carry_ns_ = exact % kPerMicrosecond;
  if (exact < kPerMicrosecond) return;
  std::uint32_t& cell = microseconds_.to_write(window, oldest);
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  cell = static_cast<std::uint32_t>(std::min(exact / kPerMicrosecond, kMost - cell) + cell);
}

Nanoseconds History::at(WindowIndex window) const {
  return std::chrono::microseconds(microseconds_.at(window));
}

}  // namespace throttlelens::timeline
