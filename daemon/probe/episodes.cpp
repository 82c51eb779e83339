// SPDX-License-Identifier: Apache-2.0
#include "episodes.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace throttlelens {

namespace {

ThrottleLevel level_of(std::uint32_t levels_above) {
  if (levels_above == 0) return ThrottleLevel::own;
  return levels_above == 1 ? ThrottleLevel::parent : ThrottleLevel::above;
}

}  // namespace

void Episodes::spread(
    const GroupStall& stall, const Interval& window,
    std::unordered_map<CgroupKey, std::pair<GroupPtr, std::vector<Part>>>& by_group) {
  const Interval when{.begin = stall.when.begin, .end = std::min(stall.when.end, window.end)};
  if (when.end <= when.begin) return;
  GroupPtr group = stall.group;
  for (std::uint32_t above = stall.level; group; --above, group = group->parent) {
    if (above == 0 && stall.level > 0 && !stall.noticed) break;
    auto& [owner, parts] = by_group[group->key];
    owner = group;
    parts.push_back({.when = when, .level = level_of(above)});
    if (above == 0) break;
  }
}

Throttling Episodes::join(const GroupPtr& group, std::vector<Part> parts, const Interval& window) {
  Throttling result;
  result.group = group;
  std::array<Nanoseconds, kThrottleLevels> by_level{};
  auto current = current_.find(group->key);
  const auto finish = [&] {
    result.ended.push_back({.level = current->second.level,
                            .length = current->second.when.end - current->second.when.begin});
    current_.erase(current);
    current = current_.end();
  };
  std::ranges::sort(parts, {},
                    [](const Part& part) { return std::pair(part.when.begin, part.level); });
  for (const Part& part : parts) {
    Interval fresh = part.when;  // not yet told
    if (current != current_.end() && part.when.begin <= current->second.when.end) {
      fresh.begin = std::max(fresh.begin, current->second.when.end);
      current->second.when.end = std::max(current->second.when.end, part.when.end);
    } else {
      if (current != current_.end()) finish();
      current =
          current_
              .emplace(group->key, Episode{.group = group, .when = part.when, .level = part.level})
              .first;
    }
    const Nanoseconds late = std::min(window.begin, std::max(fresh.begin, fresh.end)) - fresh.begin;
    result.late += std::max(late, Nanoseconds(0));
    if (fresh.end > fresh.begin)
      by_level[static_cast<std::size_t>(current->second.level)] += fresh.end - fresh.begin;
    fresh.begin = std::max(fresh.begin, window.begin);
    if (fresh.end > fresh.begin) result.parts.push_back(fresh);
  }
  if (current != current_.end() && current->second.when.end < window.end) finish();
  unite(result.parts);
  if (!result.parts.empty() || result.late > Nanoseconds(0)) {
    const auto longest = std::ranges::max_element(by_level);
    result.level = static_cast<ThrottleLevel>(std::distance(by_level.begin(), longest));
  }
  return result;
}

std::vector<Throttling> Episodes::advance(const Interval& window) {
  std::unordered_map<CgroupKey, std::pair<GroupPtr, std::vector<Part>>> by_group;
  for (const GroupStall& stall : stalls_) spread(stall, window, by_group);
  std::erase_if(stalls_, [&](const GroupStall& stall) { return stall.when.end <= window.end; });
  for (const auto& [key, episode] : current_) by_group[key].first = episode.group;

  std::vector<Throttling> result;
  result.reserve(by_group.size());
  for (auto& [key, found] : by_group)
    result.push_back(join(found.first, std::move(found.second), window));
  return result;
}

}  // namespace throttlelens
