// SPDX-License-Identifier: Apache-2.0
#include "unknown_windows.h"

#include <algorithm>

namespace throttlelens::timeline {

void UnknownWindows::add(WindowIndex window) {
  if (!stretches_.empty() && window <= stretches_.back().end) {
    stretches_.back().end = std::max(stretches_.back().end, window + 1);
  } else {
    stretches_.push_back({.first = window, .end = window + 1});
  }
}

void UnknownWindows::expire(WindowIndex oldest) {
  if (stretches_.empty() || stretches_.front().end > oldest) return;
  std::erase_if(stretches_, [oldest](const Stretch& stretch) { return stretch.end <= oldest; });
  if (stretches_.size() * 2 < stretches_.capacity()) stretches_.shrink_to_fit();
}

std::optional<WindowIndex> UnknownWindows::last_start(WindowIndex first, WindowIndex end) const {
  const auto after = std::ranges::lower_bound(stretches_, end, {}, &Stretch::first);
  if (after == stretches_.begin()) return std::nullopt;
  const Stretch& last = *std::prev(after);
  return last.end > first ? std::optional(last.first) : std::nullopt;
}

}  // namespace throttlelens::timeline
