// SPDX-License-Identifier: Apache-2.0
// Whose private memory is read next, and when: the kernel walks all page tables of a process for
// it. Pure; time and costs are told.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "base/units.h"
#include "model/cgroup.h"
#include "model/process.h"

namespace throttlelens::overhead {

/// Ourselves; a process; or the pause process of a sandbox, by its cgroup.
using MemoryTarget = std::variant<std::monostate, ProcessKey, CgroupKey>;

class MemoryTurns {
 public:
  static constexpr Nanoseconds kSettled = std::chrono::seconds(1);  ///< before the first reading
  static constexpr Nanoseconds kAgain = std::chrono::seconds(15);   ///< before the next, at least
  static constexpr int kPause = 1000;  ///< so many times its cost lie between two readings

  void add(const MemoryTarget& target, MonoTime now);
  void remove(const MemoryTarget& target);
  /// Three new ones, then the one read longest ago, so that neither keep the other from being read.
  std::optional<MemoryTarget> next(MonoTime now);
  /// One that was never read, whether it is due or not.
  std::optional<MemoryTarget> next_fresh() const;
  /// It was read, or could not be; `cost` is the CPU time this took.
  void done(const MemoryTarget& target, MonoTime now, Nanoseconds cost);

 private:
  using Queue = std::set<std::pair<MonoTime, MemoryTarget>>;  ///< by when it is due
  struct Turn {
    bool fresh = true;
    MonoTime due{};
  };
  Queue& queue_of(const Turn& turn) { return turn.fresh ? fresh_ : again_; }
  static bool is_due(const Queue& queue, MonoTime now) {
    return !queue.empty() && queue.begin()->first <= now;
  }

  std::map<MemoryTarget, Turn> turns_;
  Queue fresh_, again_;
  int fresh_in_a_row_ = 0;
  MonoTime free_at_{};
};

}  // namespace throttlelens::overhead
