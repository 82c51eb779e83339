// SPDX-License-Identifier: Apache-2.0
// Which cgroup is which container or pod, and what containers and pods that are gone had used.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/units.h"
#include "groups.h"
#include "model/cgroup.h"
#include "model/container.h"
#include "request.h"
#include "rows.h"
#include "totals.h"

namespace throttlelens::accounts {

class Names {
 public:
  using IdentityPtr = std::shared_ptr<const ContainerIdentity>;

  void identify(const Identified& identified, MonoTime now);
  /// Null for a cgroup that is no container.
  const ContainerIdentity* find(CgroupKey key) const;
  IdentityPtr share(CgroupKey key) const;
  void set_weight(CgroupKey key, CpuWeight weight);
  std::optional<CpuRequest> request(CgroupKey key) const;

  /// A row is gone, `last` is what it had counted.
  void end(CgroupKey key, const Totals& last);
  /// Names of cgroups that were never announced would stay for ever: those that still have no row
  /// after a while are dropped.
  void drop_unannounced(const Rows& rows, MonoTime now);

  const Groups& containers() const { return containers_; }
  const Groups& pods() const { return pods_; }
  std::string pod_uid(CgroupKey key) const;
  const std::map<std::string, Nanoseconds>& ended() const { return ended_; }

 private:
  struct Container {
    IdentityPtr identity;
    std::optional<CpuWeight> weight;
  };
  struct Announcement {
    MonoTime at;
    CgroupKey key;
  };
  void name_pod(const ContainerIdentity& identity);

  std::unordered_map<CgroupKey, Container> identities_;
  std::unordered_map<CgroupKey, std::string> pod_uids_;
  Groups containers_;  ///< applications only
  Groups pods_;
  std::map<std::string, Nanoseconds> ended_;  ///< by namespace
  std::deque<Announcement> unannounced_;      ///< oldest first
  WeightMapping mapping_ = WeightMapping::linear;
};

}  // namespace throttlelens::accounts
