// SPDX-License-Identifier: Apache-2.0
#include "window_sum.h"

#include <algorithm>

#include "amount.h"

namespace throttlelens::timeline {

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
  if (const auto newest = grid.newest_whole(); newest && life.knows(grid, *newest)) {
    value.peak = peaks_.highest(grid.oldest());
    if (counts(grid, life)) value.peak = std::max(*value.peak, used_);
  }
}

}  // namespace throttlelens::timeline
