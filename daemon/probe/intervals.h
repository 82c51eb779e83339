// SPDX-License-Identifier: Apache-2.0
// Stretches of time, and what two sets of them have in common.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "base/units.h"

namespace throttlelens {

/// [begin, end) of CLOCK_MONOTONIC.
struct Interval {
  Nanoseconds begin{0};
  Nanoseconds end{0};
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// Puts them in order and joins those that overlap or touch.
void unite(std::vector<Interval>& intervals);
/// Time in both. Each in order and disjoint.
Nanoseconds overlap(std::span<const Interval> a, std::span<const Interval> b);

}  // namespace throttlelens
