// SPDX-License-Identifier: Apache-2.0
#include "group_table.h"

#include <cstring>
#include <utility>

namespace throttlelens {

GroupTable::GroupPtr GroupTable::make(CgroupKey key, WindowIndex window) {
  GroupPtr& group = by_key_[key];
  if (!group) {
    group = std::make_shared<Group>();
    group->key = key;
    group->born = window;
  }
  return group;
}

// Gives a group its parent and path, then those that waited for it.
void GroupTable::place(const GroupPtr& group, const GroupPtr& parent, const std::string& name) {
  if (group->path.empty()) {
    group->parent = parent;
    group->path = !parent ? "/" : (parent->path == "/" ? "/" : parent->path + "/") + name;
    if (!parent) root_ = group;
  }
  auto [first, last] = waiting_.equal_range(group->key.id);
  std::vector<Waiting> children;
  for (auto it = first; it != last; ++it) children.push_back(std::move(it->second));
  waiting_.erase(first, last);
  for (const Waiting& child : children) place(child.group, group, child.name);
}

void GroupTable::announced_by_kernel(const tl_event_cgroup& event, WindowIndex window) {
  const GroupPtr group = make({event.id}, window);
  if (group->serial != event.serial) forget_serial(group);
  group->serial = event.serial;
  group->slot = event.slot;
  by_serial_[event.serial] = group;
  if (!group->path.empty()) return;
  const std::string name(event.name, ::strnlen(event.name, sizeof event.name));
  if (event.parent_serial == 0) return place(group, nullptr, name);
  const GroupPtr parent = by_key({event.parent_id});
  if (parent && !parent->path.empty()) return place(group, parent, name);
  waiting_.emplace(event.parent_id, Waiting{.group = group, .name = name});
}

GroupTable::GroupPtr GroupTable::seen_in_tree(const CgroupNode& node, WindowIndex window) {
  const GroupPtr parent = node.parent.id == 0 ? nullptr : by_key(node.parent);
  if (node.parent.id != 0 && (!parent || parent->path.empty())) return nullptr;
  const GroupPtr group = make(node.key, window);
  group->in_tree = true;
  if (group->path.empty()) {
    place(group, parent, node.path.substr(node.path.rfind('/') + 1));
  }
  return group;
}

GroupTable::GroupPtr GroupTable::by_serial(std::uint64_t serial) const {
  const auto it = by_serial_.find(serial);
  return it == by_serial_.end() ? nullptr : it->second;
}

GroupTable::GroupPtr GroupTable::by_key(CgroupKey key) const {
  const auto it = by_key_.find(key);
  return it == by_key_.end() ? nullptr : it->second;
}

void GroupTable::add_use(const GroupPtr& group, Nanoseconds ns, WindowIndex window,
                         std::vector<GroupPtr>& active) {
  for (GroupPtr level = group; level; level = level->parent) {
    if (level->used.count() == 0) active.push_back(level);
    level->used += ns;
    level->last_active = window;
  }
}

void GroupTable::forget_serial(const GroupPtr& group) {
  if (group->serial == 0) return;
  by_serial_.erase(group->serial_before);
  group->serial_before = std::exchange(group->serial, 0);
}

void GroupTable::remove(CgroupKey key) {
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return;
  by_serial_.erase(it->second->serial);
  by_serial_.erase(it->second->serial_before);
  if (root_ == it->second) root_ = nullptr;
  std::erase_if(waiting_, [&](const auto& entry) { return entry.second.group == it->second; });
  by_key_.erase(it);
}

}  // namespace throttlelens
