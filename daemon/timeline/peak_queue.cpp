// SPDX-License-Identifier: Apache-2.0
#include "peak_queue.h"

#include <algorithm>

namespace throttlelens::timeline {

void PeakQueue::push(std::uint64_t window, Nanoseconds used) {
  while (entries_.size() > head_ && entries_.back().used <= used) entries_.pop_back();
  entries_.push_back({.window = window, .used = used});
}

void PeakQueue::expire(std::uint64_t oldest) {
  head_ = first_from(oldest);
  if (head_ == entries_.size()) {
    entries_.clear();
    head_ = 0;
  } else if (head_ > entries_.size() / 2) {  // moves no more entries than have expired
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
  constexpr std::size_t kSmall = 32;
  if (entries_.capacity() > kSmall && entries_.size() * 4 < entries_.capacity()) {
    entries_.shrink_to_fit();
  }
}

Nanoseconds PeakQueue::highest(std::uint64_t oldest) const {
  const std::size_t first = first_from(oldest);
  return first == entries_.size() ? Nanoseconds(0) : entries_[first].used;
}

std::size_t PeakQueue::first_from(std::uint64_t oldest) const {
  std::size_t first = head_;
  if (first < entries_.size() && entries_[first].window < oldest) {
    const auto found =
        std::ranges::lower_bound(entries_.begin() + static_cast<std::ptrdiff_t>(head_),
                                 entries_.end(), oldest, {}, &Entry::window);
    first = static_cast<std::size_t>(found - entries_.begin());
  }
  return first;
}

}  // namespace throttlelens::timeline
