// SPDX-License-Identifier: Apache-2.0
// Compares what the windows added up to with the kernel's own usage counter, and finds what the
// windows missed because switches were lost.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/units.h"
#include "group_table.h"
#include "model/cgroup.h"
#include "model/window_batch.h"

namespace throttlelens {

class UsageCheck {
 public:
  UsageCheck(CgroupCounters& counters, const Clock& clock, Nanoseconds base)
      : counters_(counters), clock_(clock), base_(base) {}

  /// Called after the totals of the window ending at `edge` are in. `active` ran in it. When
  /// `lost` switches could not be recovered in it, those are compared once it is quiet again.
  void window_done(MonoTime edge, const std::vector<GroupTable::GroupPtr>& active, bool lost,
                   std::uint32_t cpus, std::vector<UsageCorrection>& corrections);

 private:
  std::optional<Nanoseconds> missed(const Group& group, MonoTime edge, std::uint32_t cpus);

  CgroupCounters& counters_;
  const Clock& clock_;
  Nanoseconds base_;
  std::deque<std::weak_ptr<Group>> suspects_;
  std::uint64_t windows_ = 0;
};

}  // namespace throttlelens
