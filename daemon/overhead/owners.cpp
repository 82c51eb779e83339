// SPDX-License-Identifier: Apache-2.0
#include "owners.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace throttlelens::overhead {
namespace {

/// Who may start containers could fill our memory with those that ended.
constexpr std::size_t kMostEnded = 4096;

std::size_t index_of(OverheadComponent component) {
  return static_cast<std::size_t>(component);
}

void add_to(std::optional<Nanoseconds>& sum, std::optional<Nanoseconds> more) {
  if (more) sum = sum.value_or(Nanoseconds(0)) + *more;
}

void add_to(ComponentTimes& sums, const ComponentTimes& more) {
  for (std::size_t i = 0; i < sums.size(); ++i) add_to(sums[i], more[i]);
}

void add_memory(OverheadPart& part, std::optional<std::uint64_t> bytes) {
  if (bytes) part.private_memory = part.private_memory.value_or(0) + *bytes;
}

RowName row_of(const ContainerIdentity& identity) {
  return {.pod_namespace = identity.pod_namespace,
          .pod = identity.pod,
          .container = identity.pod.empty() ? identity.container : std::string()};
}

}  // namespace

void Owners::identify(const Identified& identified, MonoTime now) {
  const ContainerIdentity& identity = *identified.identity;
  const Name name{.id = identity.container_id,
                  .row = row_of(identity),
                  .uid = identity.uid,
                  .from_files = identity.from_files,
                  .sandbox = identity.role == ContainerRole::sandbox};
  if (const auto old = names_.find(identified.key);
      old != names_.end() && !(name.sandbox && old->second.id == name.id)) {
    leave_sandbox(identified.key, old->second.id, now);
  }
  erase_name(identified.key);
  names_[identified.key] = name;
  auto& keys = names_of_[name.id];
  const auto by_path =
      std::ranges::find_if_not(keys, [this](CgroupKey key) { return names_.at(key).from_files; });
  keys.insert(name.from_files ? by_path : keys.end(), identified.key);
  if (name.from_files && !name.uid.empty()) name_pod(name);
  if (name.sandbox) owner_of(name.id)->second.sandboxes.try_emplace(identified.key);
  if (const auto owner = owners_.find(name.id); owner != owners_.end()) name_owner(owner);
}

// What was counted under the uid, which is all that a path tells, is the pod's.
void Owners::name_pod(const Name& name) {
  PodName& pod = pods_[name.uid];
  pod.row = name.row;
  ++pod.names;
  const auto by_uid = rows_.find({.pod_namespace = {}, .pod = name.uid, .container = {}});
  if (by_uid == rows_.end() || by_uid->first == name.row) return;
  const std::set<std::string> ids = by_uid->second.owners;
  for (const std::string& id : ids) move(owners_.find(id), name.row);
}

Owners::OwnerAt Owners::owner_of(const std::string& id) {
  const auto [owner, is_new] = owners_.try_emplace(id);
  if (is_new) name_owner(owner);
  return owner;
}

void Owners::name_owner(OwnerAt owner) {
  const auto keys = names_of_.find(owner->first);
  if (keys == names_of_.end()) return;
  const Name& name = names_.at(keys->second.front());
  if (owner->second.row && !name.from_files) return;
  const auto pod = name.from_files ? pods_.end() : pods_.find(name.uid);
  move(owner, pod == pods_.end() ? name.row : pod->second.row);
}

void Owners::move(OwnerAt owner, const RowName& to) {
  auto& [id, what] = *owner;
  if (what.row == to) return;
  Row& row = rows_[to];
  row.owners.insert(id);
  if (what.row) {
    const auto old = rows_.find(*what.row);
    old->second.owners.erase(id);
    if (old->second.owners.empty()) {  // that was a worse name for the same thing
      add_to(row.ended, old->second.ended);
      rows_.erase(old);
    }
  }
  what.row = to;
}

void Owners::leave(CgroupKey key, MonoTime now) {
  const auto name = names_.find(key);
  if (name == names_.end()) return;
  left_.push_back({.at = now, .what = key});
  leave_sandbox(key, name->second.id, now);
}

void Owners::leave_sandbox(CgroupKey key, const std::string& id, MonoTime now) {
  const auto owner = owners_.find(id);
  if (owner == owners_.end() || owner->second.sandboxes.erase(key) == 0) return;
  departed(id, owner->second, now);
}

void Owners::begin(const std::string& id, const ProcessKey& key, OverheadComponent component) {
  owner_of(id)->second.processes.try_emplace(
      key, Member{.component = component, .private_memory = std::nullopt});
}

void Owners::end(const std::string& id, const ProcessKey& key, MonoTime now) {
  const auto owner = owners_.find(id);
  if (owner == owners_.end() || owner->second.processes.erase(key) == 0) return;
  departed(id, owner->second, now);
}

void Owners::departed(const std::string& id, Owner& owner, MonoTime now) {
  if (owner.there()) return;
  owner.ended = now;
  ended_.push_back({.at = now, .what = id});
}

void Owners::add(const std::string& id, OverheadComponent component, Nanoseconds more,
                 MonoTime now) {
  const auto owner = owner_of(id);
  departed(id, owner->second, now);  // it may end without ever having been there
  add_to(owner->second.cpu[index_of(component)], more);
}

void Owners::set_memory(const std::string& id, const ProcessKey& key,
                        std::optional<std::uint64_t> bytes) {
  const auto owner = owners_.find(id);
  if (owner == owners_.end()) return;
  const auto process = owner->second.processes.find(key);
  if (process != owner->second.processes.end()) process->second.private_memory = bytes;
}

void Owners::set_pause_memory(CgroupKey sandbox, std::optional<std::uint64_t> bytes) {
  const auto name = names_.find(sandbox);
  if (name == names_.end()) return;
  const auto owner = owners_.find(name->second.id);
  if (owner == owners_.end()) return;
  const auto pause = owner->second.sandboxes.find(sandbox);
  if (pause != owner->second.sandboxes.end()) pause->second = bytes;
}

void Owners::expire(MonoTime now, Nanoseconds keep) {
  while (!left_.empty() && (now - left_.front().at >= keep || left_.size() > kMostEnded)) {
    erase_name(left_.front().what);
    left_.pop_front();
  }
  while (!ended_.empty() && (now - ended_.front().at >= keep || ended_.size() > kMostEnded)) {
    const auto [at, id] = std::move(ended_.front());
    ended_.pop_front();
    const auto owner = owners_.find(id);
    if (owner == owners_.end() || owner->second.there() || owner->second.ended != at) continue;
    erase_owner(owner);
  }
}

void Owners::erase_name(CgroupKey key) {
  const auto found = names_.find(key);
  if (found == names_.end()) return;
  const Name& name = found->second;
  const auto same = names_of_.find(name.id);
  std::erase(same->second, key);
  if (same->second.empty()) names_of_.erase(same);
  if (const auto pod = pods_.find(name.uid);
      name.from_files && pod != pods_.end() && --pod->second.names == 0) {
    pods_.erase(pod);
  }
  names_.erase(found);
}

void Owners::erase_owner(OwnerAt owner) {
  if (const auto& name = owner->second.row) {
    const auto row = rows_.find(*name);
    add_to(row->second.ended, owner->second.cpu);
    row->second.owners.erase(owner->first);
    if (row->second.owners.empty()) rows_.erase(row);
  }
  owners_.erase(owner);
}

std::vector<OverheadRow> Owners::rows() const {
  std::vector<OverheadRow> out;
  for (const auto& [name, row] : rows_) {
    OverheadRow& shown = out.emplace_back();
    shown.pod_namespace = name.pod_namespace;
    shown.pod = name.pod;
    shown.container = name.container;
    shown.alive = false;
    ComponentTimes cpu = row.ended;
    for (const std::string& id : row.owners) {
      const Owner& owner = owners_.at(id);
      shown.alive = shown.alive || owner.there();
      add_to(cpu, owner.cpu);
      for (const auto& [key, member] : owner.processes) {
        add_memory(shown.parts[index_of(member.component)], member.private_memory);
      }
      for (const auto& [key, bytes] : owner.sandboxes) {
        add_memory(shown.parts[index_of(OverheadComponent::pause)], bytes);
      }
    }
    for (std::size_t i = 0; i < cpu.size(); ++i) shown.parts[i].cpu = cpu[i];
    if (shown.parts == OverheadParts{}) out.pop_back();
  }
  return out;
}

}  // namespace throttlelens::overhead
