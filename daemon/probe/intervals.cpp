// SPDX-License-Identifier: Apache-2.0
#include "intervals.h"

namespace throttlelens {

void unite(std::vector<Interval>& intervals) {
  std::ranges::sort(intervals, {}, &Interval::begin);
  std::size_t kept = 0;
  for (const Interval& next : intervals) {
    if (next.end <= next.begin) continue;
    if (kept > 0 && next.begin <= intervals[kept - 1].end) {
      intervals[kept - 1].end = std::max(intervals[kept - 1].end, next.end);
    } else {
      intervals[kept++] = next;
    }
  }
  intervals.resize(kept);
}

Nanoseconds overlap(std::span<const Interval> a, std::span<const Interval> b) {
  Nanoseconds total{0};
  auto other = b.begin();
  for (const Interval& one : a) {
    while (other != b.end() && other->end <= one.begin) ++other;
    for (auto at = other; at != b.end() && at->begin < one.end; ++at)
      total += std::min(one.end, at->end) - std::max(one.begin, at->begin);
  }
  return total;
}

}  // namespace throttlelens
