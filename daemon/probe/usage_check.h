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

  /// Called after the totals of the window ending at `edge` are in. `active` ran in it; `lost` says
  /// that switches in it could not be recovered. A cgroup is compared in several windows before
  /// anything is added, so what was missed shows up about half a second later.
  void window_done(MonoTime edge, const std::vector<GroupTable::GroupPtr>& active, bool lost,
                   std::vector<UsageCorrection>& corrections);

 private:
  struct Suspect {
    std::weak_ptr<Group> group;
    int checks = 0;
    bool quiet = false;                      ///< all checks were made while it did not run
    Nanoseconds least = Nanoseconds::max();  ///< smallest difference seen
  };
  void suspect(const GroupTable::GroupPtr& group);
  std::optional<Nanoseconds> difference(const Group& group, MonoTime edge);

  CgroupCounters& counters_;
  const Clock& clock_;
  Nanoseconds base_;
  std::deque<Suspect> suspects_;
  std::vector<std::weak_ptr<Group>> unsettled_;  ///< compared while busy; once more when quiet
  std::uint64_t windows_ = 0;
};

}  // namespace throttlelens
