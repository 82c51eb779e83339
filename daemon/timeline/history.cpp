// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <algorithm>
#include <limits>

#include "amount.h"

namespace throttlelens::timeline {

void History::add(WindowIndex window, WindowIndex oldest, Nanoseconds used) {
  constexpr std::int64_t kPerMicrosecond = 1000;
  const std::int64_t exact = add_saturated(used, Nanoseconds(carry_ns_)).count();
  carry_ns_ = exact % kPerMicrosecond;
  std::uint32_t& cell =
      cells_of(window / kWindows, oldest / kWindows)[static_cast<std::size_t>(window % kWindows)];
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  cell = static_cast<std::uint32_t>(std::min(exact / kPerMicrosecond, kMost - cell) + cell);
}

Nanoseconds History::at(WindowIndex window) const {
  const std::uint64_t number = window / kWindows;
  const auto chunk = std::ranges::lower_bound(chunks_, number, {}, &Chunk::number);
  if (chunk == chunks_.end() || chunk->number != number) return Nanoseconds(0);
  return std::chrono::microseconds((*chunk->cells)[static_cast<std::size_t>(window % kWindows)]);
}

void History::expire(WindowIndex oldest) {
  if (chunks_.empty() || chunks_.front().number >= oldest / kWindows) return;
  const auto live = std::ranges::lower_bound(chunks_, oldest / kWindows, {}, &Chunk::number);
  chunks_.erase(chunks_.begin(), live);
  if (chunks_.size() * 2 < chunks_.capacity()) chunks_.shrink_to_fit();
}

std::size_t History::bytes() const {
  return chunks_.capacity() * sizeof(Chunk) + chunks_.size() * sizeof(Cells);
}

History::Cells& History::cells_of(std::uint64_t number, std::uint64_t oldest) {
  if (!chunks_.empty() && chunks_.back().number == number) return *chunks_.back().cells;
  // A cgroup that always runs takes over its oldest chunk instead of asking for memory.
  if (!chunks_.empty() && chunks_.front().number < oldest) {
    std::ranges::rotate(chunks_, chunks_.begin() + 1);
    chunks_.back().number = number;
    chunks_.back().cells->fill(0);
  } else {
    chunks_.push_back({.number = number, .cells = std::make_unique<Cells>()});
  }
  return *chunks_.back().cells;
}

}  // namespace throttlelens::timeline
