// SPDX-License-Identifier: Apache-2.0
// Arithmetic on amounts of time that come from outside: never negative, never overflowing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/units.h"

namespace throttlelens::timeline {

inline Nanoseconds at_least_zero(Nanoseconds amount) {
  return std::max(amount, Nanoseconds(0));
}

/// Of two amounts that are not negative; stays at the largest value rather than wrap.
inline Nanoseconds add_saturated(Nanoseconds a, Nanoseconds b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a.count(), b.count(), &sum)) return Nanoseconds::max();
  return Nanoseconds(sum);
}

/// The same of counts.
inline std::uint64_t add_saturated(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::numeric_limits<std::uint64_t>::max();
  return sum;
}

}  // namespace throttlelens::timeline
