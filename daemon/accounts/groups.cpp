// SPDX-License-Identifier: Apache-2.0
#include "groups.h"

namespace throttlelens::accounts {

void Groups::put(CgroupKey key, const RowName& name) {
  const auto known = names_.find(key);
  if (known != names_.end() && known->second->first == name) return;
  const auto [group, is_new] = groups_.try_emplace(name);
  if (is_new) group->second.id = ids_.next();
  if (known != names_.end()) {
    const auto old = known->second;
    std::erase(old->second.members, key);
    if (old->second.members.empty()) {
      // Nobody is left to tell what it had counted.
      group->second.ended.add(old->second.ended);
      groups_.erase(old);
    }
  }
  group->second.members.push_back(key);
  names_[key] = group;
}

std::optional<Groups::Closed> Groups::end(CgroupKey key, const Totals& last) {
  const auto known = names_.find(key);
  if (known == names_.end()) return std::nullopt;
  const auto group = known->second;
  names_.erase(known);
  std::erase(group->second.members, key);
  group->second.ended.add(last);
  if (!group->second.members.empty()) return std::nullopt;
  Closed closed{.name = group->first, .totals = group->second.ended};
  groups_.erase(group);
  return closed;
}

void Groups::forget_peaks() {
  for (auto& [name, group] : groups_) group.ended.peak.reset();
}

}  // namespace throttlelens::accounts
