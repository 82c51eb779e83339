// SPDX-License-Identifier: Apache-2.0
#include "names.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace throttlelens::accounts {
namespace {

/// A cgroup has its row within a window or two of being named.
constexpr Nanoseconds kPatience = std::chrono::seconds(30);
constexpr std::size_t kShortId = 12;

}  // namespace

Names::IdentityPtr Names::identify(const Identified& identified) {
  const IdentityPtr identity = with_a_name_of_its_own(identified.key, identified.identity);
  identities_[identified.key].identity = identity;
  join(identified.key, *identity);
  return identity;
}

/// Outside of Kubernetes nothing keeps two containers (of two runtimes, or of two namespaces of
/// containerd) from having the same name: the later one is told from the first by its id.
Names::IdentityPtr Names::with_a_name_of_its_own(CgroupKey key, const IdentityPtr& identity) const {
  if (!identity->pod_namespace.empty() || !identity->pod.empty()) return identity;
  const auto same =
      containers_.all().find({.pod_namespace = {}, .pod = {}, .container = identity->container});
  if (same == containers_.all().end()) return identity;
  const bool taken = std::ranges::any_of(same->second.members, [&](CgroupKey member) {
    const auto other = identities_.find(member);
    return member != key && other != identities_.end() && !other->second.left &&
           other->second.identity->container_id != identity->container_id;
  });
  if (!taken) return identity;
  ContainerIdentity own = *identity;
  own.container += "~" + own.container_id.substr(0, kShortId);
  return std::make_shared<const ContainerIdentity>(std::move(own));
}

void Names::join(CgroupKey key, const ContainerIdentity& identity) {
  if (identity.role == ContainerRole::application) {
    containers_.put(key, {.pod_namespace = identity.pod_namespace,
                          .pod = identity.pod,
                          .container = identity.container});
  } else {
    containers_.end(key, {});  // from its path alone it looked like one
  }
  if (identity.role == ContainerRole::sandbox) {
    sandboxes_.put(key, {.pod_namespace = identity.pod_namespace,
                         .pod = identity.pod,
                         .container = identity.pod.empty() ? identity.container : std::string()});
  } else {
    end_sandbox(key, {});
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

void Names::announce(CgroupKey key) {
  const auto found = identities_.find(key);
  if (found != identities_.end()) join(key, *found->second.identity);
}

void Names::leave(CgroupKey key, MonoTime now) {
  const auto found = identities_.find(key);
  if (found != identities_.end()) found->second.left = true;
  if (found != identities_.end() || pods_.has(key)) left_.push_back({.at = now, .key = key});
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
  if (const auto mapping = mapping_of(*shares, weight.value)) mapping_ = mapping;
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

void Names::close(const std::optional<Groups::Closed>& closed, bool kept_elsewhere) {
  if (!closed || !closed->totals.usage || kept_elsewhere) return;
  Nanoseconds& total = ended_[closed->name.pod_namespace];
  total = saturated_sum(total, *closed->totals.usage);
}

void Names::end_sandbox(CgroupKey key, const Totals& last) {
  const auto closed = sandboxes_.end(key, last);
  if (closed) add_known(ended_sandboxes_, closed->totals.usage);
}

void Names::end(CgroupKey key, const Totals& last, bool kept_elsewhere) {
  close(containers_.end(key, last), kept_elsewhere);
  close(pods_.end(key, last), kept_elsewhere);
  end_sandbox(key, last);
  pod_uids_.erase(key);
  const auto found = identities_.find(key);
  // A directory that is still there may get a row again: its controller was switched off.
  if (found != identities_.end() && found->second.left) identities_.erase(found);
}

void Names::drop_left(const Rows& rows, MonoTime now) {
  while (!left_.empty() && now - left_.front().at >= kPatience) {
    const CgroupKey key = left_.front().key;
    left_.pop_front();
    if (rows.find(key) == nullptr) end(key, {}, false);
  }
}

void Names::forget_peaks() {
  containers_.forget_peaks();
  pods_.forget_peaks();
}

std::string Names::pod_uid(CgroupKey key) const {
  const auto found = pod_uids_.find(key);
  return found == pod_uids_.end() ? std::string() : found->second;
}

}  // namespace throttlelens::accounts
