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
  UsageCheck(CgroupCounters& counters, const Clock& clock) : counters_(counters), clock_(clock) {}

  /// Called after the totals of the window ending at `edge` are in. `active` ran in it; `lost` says
  /// that switches in it could not be recovered. While a cgroup is busy only what is certain is
  /// added: the counter is read a little after the edge, and what ran in between is not known. The
  /// rest follows, exactly, once it is quiet.
  void window_done(MonoTime edge, const std::vector<GroupTable::GroupPtr>& active, bool lost,
                   std::uint32_t cpus, std::vector<UsageCorrection>& corrections);

  /// Compares it after the next windows; nothing without its usage before our total.
  void suspect(const GroupTable::GroupPtr& group);

 private:
  struct Suspect {
    std::weak_ptr<Group> group;
    int checks = 0;
    Nanoseconds certain{0};                  ///< missing at least
    std::optional<Nanoseconds> quiet_usage;  ///< the counter, read while the cgroup did not run
  };
  bool check(Suspect& suspect, Group& group, MonoTime edge, std::uint32_t cpus,
             std::vector<UsageCorrection>& corrections);

  CgroupCounters& counters_;
  const Clock& clock_;
  std::deque<Suspect> suspects_;
  std::vector<std::weak_ptr<Group>> unsettled_;  ///< compared while busy; once more when quiet
  std::uint64_t windows_ = 0;
};

}  // namespace throttlelens
