// SPDX-License-Identifier: Apache-2.0
#include "window_sum.h"

#include <algorithm>

#include "amount.h"

namespace throttlelens::timeline {

bool Life::knows_any(const Grid& grid, std::uint64_t oldest) const {
  const auto newest = grid.newest_whole();
  if (!newest || *newest < oldest) return false;
  for (std::uint64_t window = *newest; began(grid, window); --window) {
    const std::uint64_t start = window * grid.factor();
    const auto stretch = unknown.last_start(start, start + grid.factor());
    if (!stretch && grid.whole(window)) return true;
    if (stretch) window = std::min(window, *stretch / grid.factor());
    if (window <= oldest) return false;
  }
  return false;
}

bool WindowSum::counts(const Grid& grid, const Life& life) const {
  const std::uint64_t window = used_.window();
  return used_.any() && window >= grid.oldest() && grid.whole(window) && life.knows(grid, window);
}

void WindowSum::add(const Grid& grid, const Life& life, Nanoseconds used) {
  if (used_.window() != grid.current()) {
    peaks_.expire(grid.oldest());
    if (counts(grid, life)) peaks_.push(used_.window(), used_.latest());
  }
  Nanoseconds& sum = used_.to_add(grid.current());
  sum = add_saturated(sum, used);
}

void WindowSum::read(const Grid& grid, const Life& life, WindowValue& value) const {
  if (const auto last = life.last_known(grid)) value.last = used_.of(*last);
  if (life.knows_any(grid, grid.oldest())) {
    value.peak = peaks_.highest(grid.oldest());
    if (counts(grid, life)) value.peak = std::max(*value.peak, used_.latest());
  }
}

}  // namespace throttlelens::timeline
