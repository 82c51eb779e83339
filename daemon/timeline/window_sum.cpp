// SPDX-License-Identifier: Apache-2.0
#include "window_sum.h"

#include <algorithm>

#include "amount.h"

namespace throttlelens::timeline {

bool Life::knows_any(const Grid& grid) const {
  const auto newest = grid.newest_whole();
  if (!newest) return false;
  for (std::uint64_t window = *newest; began(grid, window); --window) {
    const std::uint64_t start = window * grid.factor();
    const auto stretch = unknown.last_start(start, start + grid.factor());
    if (!stretch && grid.whole(window)) return true;
    if (stretch) window = std::min(window, *stretch / grid.factor());
    if (window <= grid.oldest()) return false;
  }
  return false;
}

bool WindowSum::counts(const Grid& grid, const Life& life) const {
  return window_ != kNone && window_ >= grid.oldest() && grid.whole(window_) &&
         life.knows(grid, window_);
}

void WindowSum::add(const Grid& grid, const Life& life, Nanoseconds used) {
  const std::uint64_t now = grid.current();
  if (window_ != now) {
    peaks_.expire(grid.oldest());
    if (counts(grid, life)) peaks_.push(window_, used_);
    used_before_ = window_ != kNone && window_ + 1 == now ? used_ : Nanoseconds(0);
    used_ = Nanoseconds(0);
    window_ = now;
  }
  used_ = add_saturated(used_, used);
}

void WindowSum::read(const Grid& grid, const Life& life, WindowValue& value) const {
  if (const auto last = grid.last_whole(); last && life.knows(grid, *last)) {
    value.last = Nanoseconds(0);
    if (window_ == *last) value.last = used_;
    if (window_ == *last + 1) value.last = used_before_;
  }
  if (life.knows_any(grid)) {
    value.peak = peaks_.highest(grid.oldest());
    if (counts(grid, life)) value.peak = std::max(*value.peak, used_);
  }
}

}  // namespace throttlelens::timeline
