// SPDX-License-Identifier: Apache-2.0
#include "memory_turns.h"

#include <algorithm>

namespace throttlelens::overhead {

void MemoryTurns::add(const MemoryTarget& target, MonoTime now) {
  const auto [it, is_new] = turns_.try_emplace(target, Turn{.due = now + kSettled});
  if (is_new) fresh_.emplace(it->second.due, target);
}

void MemoryTurns::remove(const MemoryTarget& target) {
  const auto it = turns_.find(target);
  if (it == turns_.end()) return;
  queue_of(it->second).erase({it->second.due, target});
  turns_.erase(it);
}

std::optional<MemoryTarget> MemoryTurns::next(MonoTime now) {
  if (now < free_at_) return std::nullopt;
  const bool fresh_due = is_due(fresh_, now);
  const bool again_due = is_due(again_, now);
  if (!fresh_due && !again_due) return std::nullopt;
  constexpr int kFreshInARow = 3;
  const bool fresh = fresh_due && (fresh_in_a_row_ < kFreshInARow || !again_due);
  fresh_in_a_row_ = fresh ? fresh_in_a_row_ + 1 : 0;
  return (fresh ? fresh_ : again_).begin()->second;
}

std::optional<MemoryTarget> MemoryTurns::next_fresh() const {
  if (fresh_.empty()) return std::nullopt;
  return fresh_.begin()->second;
}

void MemoryTurns::done(const MemoryTarget& target, MonoTime now, Nanoseconds cost) {
  // A clock that is wrong must not silence us for good.
  constexpr Nanoseconds kMost = std::chrono::seconds(1);
  free_at_ = now + std::clamp(cost, Nanoseconds(0), kMost) * kPause;
  const auto it = turns_.find(target);
  if (it == turns_.end()) return;
  queue_of(it->second).erase({it->second.due, target});
  it->second = {.fresh = false, .due = now + kAgain};
  again_.emplace(it->second.due, target);
}

}  // namespace throttlelens::overhead
