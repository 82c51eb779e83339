// SPDX-License-Identifier: Apache-2.0
// Joins the stalls of a cgroup on single CPUs into wall-clock episodes: begun when the first of its
// queues is throttled, ended when the last one is not.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "group_table.h"
#include "intervals.h"
#include "model/window_batch.h"

namespace throttlelens {

/// A stall of a cgroup or of one below it.
struct GroupStall {
  GroupTable::GroupPtr group;
  std::uint32_t level = 0;  ///< levels above `group` that ran dry; 0: itself
  /// False: another cgroup below the one that ran dry noticed it, and knows better when it was.
  bool noticed = true;
  Interval when;
};

/// What the stalls of a cgroup came to between two edges.
struct Throttling {
  GroupTable::GroupPtr group;
  std::vector<Interval> parts;  ///< in order, disjoint, between the edges
  std::optional<ThrottleLevel>
      level;            ///< of the longest part; absent when there is none, late ones included
  Nanoseconds late{0};  ///< throttled before the first edge, and not told then
  std::vector<ThrottleEpisode> ended;
};

class Episodes {
 public:
  using GroupPtr = GroupTable::GroupPtr;

  /// A stall, or a part of one. What lies beyond the next edge is kept for the ones after it.
  void add(const GroupStall& stall) { stalls_.push_back(stall); }
  /// What happened between the edges, of each cgroup that had a stall or had an episode end, those
  /// above included as far as the quota that ran out was theirs or above. An episode goes on when
  /// its last stall reaches the later edge.
  std::vector<Throttling> advance(const Interval& window);

 private:
  struct Episode {
    GroupPtr group;
    Interval when;  ///< so far
    ThrottleLevel level = ThrottleLevel::own;
  };
  struct Part {
    Interval when;
    ThrottleLevel level = ThrottleLevel::own;
  };

  static void spread(
      const GroupStall& stall, const Interval& window,
      std::unordered_map<CgroupKey, std::pair<GroupPtr, std::vector<Part>>>& by_group);
  Throttling join(const GroupPtr& group, std::vector<Part> parts, const Interval& window);

  std::vector<GroupStall> stalls_;
  std::unordered_map<CgroupKey, Episode> current_;
};

}  // namespace throttlelens
