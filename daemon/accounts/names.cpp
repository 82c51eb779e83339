// SPDX-License-Identifier: Apache-2.0
#include "names.h"

#include <chrono>
#include <optional>
#include <utility>

namespace throttlelens::accounts {
namespace {

/// A cgroup has its row within a window or two of being named.
constexpr Nanoseconds kUnannounced = std::chrono::seconds(30);

}  // namespace

void Names::identify(const Identified& identified, MonoTime now) {
  const ContainerIdentity& identity = *identified.identity;
  const auto [known, is_new] = identities_.try_emplace(identified.key);
  known->second.identity = identified.identity;
  if (is_new) unannounced_.push_back({.at = now, .key = identified.key});
  if (identity.role == ContainerRole::application) {
    containers_.put(identified.key, {.pod_namespace = identity.pod_namespace,
                                     .pod = identity.pod,
                                     .container = identity.container});
  } else {
    containers_.end(identified.key, {});  // from its path alone it looked like one
  }
  if (identity.pod_cgroup.id != 0) name_pod(identity);
}

void Names::name_pod(const ContainerIdentity& identity) {
  // One container whose files are not there must not take the name the others gave.
  if (!identity.from_files && pods_.has(identity.pod_cgroup)) return;
  pods_.put(identity.pod_cgroup,
            {.pod_namespace = identity.pod_namespace, .pod = identity.pod, .container = {}});
  pod_uids_[identity.pod_cgroup] = identity.uid;
}

const ContainerIdentity* Names::find(CgroupKey key) const {
  const auto found = identities_.find(key);
  return found == identities_.end() ? nullptr : found->second.identity.get();
}

Names::IdentityPtr Names::share(CgroupKey key) const {
  const auto found = identities_.find(key);
  return found == identities_.end() ? nullptr : found->second.identity;
}

void Names::set_weight(CgroupKey key, CpuWeight weight) {
  const auto found = identities_.find(key);
  if (found == identities_.end()) return;
  found->second.weight = weight;
  const auto shares = found->second.identity->shares;
  if (weight.scale != CpuWeight::Scale::weight || !shares) return;
  // All containers of a node were made by one runtime.
  if (const auto mapping = mapping_of(*shares, weight.value)) mapping_ = *mapping;
}

std::optional<CpuRequest> Names::request(CgroupKey key) const {
  const auto found = identities_.find(key);
  if (found == identities_.end()) return std::nullopt;
  const ContainerIdentity& identity = *found->second.identity;
  return request_of({.shares = identity.shares,
                     .weight = found->second.weight,
                     .kubernetes = !identity.uid.empty(),
                     .mapping = mapping_});
}

void Names::end(CgroupKey key, const Totals& last) {
  const auto add = [this](const std::optional<Groups::Closed>& closed) {
    if (!closed || !closed->totals.usage) return;
    Nanoseconds& total = ended_[closed->name.pod_namespace];
    total = saturated_sum(total, *closed->totals.usage);
  };
  if (const auto found = identities_.find(key); found != identities_.end()) {
    const bool in_pod = found->second.identity->pod_cgroup.id != 0;
    const auto closed = containers_.end(key, last);
    if (!in_pod) add(closed);  // else its pod's cgroup has counted it
    identities_.erase(found);
  }
  add(pods_.end(key, last));
  pod_uids_.erase(key);
}

void Names::drop_unannounced(const Rows& rows, MonoTime now) {
  while (!unannounced_.empty() && now - unannounced_.front().at >= kUnannounced) {
    const CgroupKey key = unannounced_.front().key;
    unannounced_.pop_front();
    const auto found = identities_.find(key);
    if (found == identities_.end()) continue;
    const CgroupKey pod = found->second.identity->pod_cgroup;
    if (rows.find(key) == nullptr) end(key, {});
    if (rows.find(pod) == nullptr) {
      pods_.end(pod, {});
      pod_uids_.erase(pod);
    }
  }
}

std::string Names::pod_uid(CgroupKey key) const {
  const auto found = pod_uids_.find(key);
  return found == pod_uids_.end() ? std::string() : found->second;
}

}  // namespace throttlelens::accounts
