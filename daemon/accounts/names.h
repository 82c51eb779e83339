// SPDX-License-Identifier: Apache-2.0
// Which cgroup is which container or pod, and what containers and pods that are gone had used.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
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

  /// Returns the identity with the name its row shows.
  IdentityPtr identify(const Identified& identified);
  /// The cgroup has a row (again): its name, if it is known, comes to it.
  void announce(CgroupKey key);
  /// The directory is gone: the name stays as long as there may be a row.
  void leave(CgroupKey key, MonoTime now);
  /// Null for a cgroup that is no container.
  const ContainerIdentity* find(CgroupKey key) const;
  IdentityPtr share(CgroupKey key) const;
  void set_weight(CgroupKey key, CpuWeight weight);
  std::optional<CpuRequest> request(CgroupKey key) const;

  /// A row is gone, `last` is what it had counted. `kept_elsewhere`: it is in the total of a
  /// container or pod around it, or nobody wanted to see it.
  void end(CgroupKey key, const Totals& last, bool kept_elsewhere);
  /// Drops the names of cgroups that left a while ago and have no row: most never had one.
  void drop_left(const Rows& rows, MonoTime now);

  const Groups& containers() const { return containers_; }
  const Groups& pods() const { return pods_; }
  /// By pod; of a sandbox outside of pods by container.
  const Groups& sandboxes() const { return sandboxes_; }
  /// What sandboxes used whose names have no row any more; absent until there was one.
  std::optional<Nanoseconds> ended_sandboxes() const { return ended_sandboxes_; }
  /// The peaks of rows that are gone belong to the mark that was made.
  void forget_peaks();
  std::string pod_uid(CgroupKey key) const;
  const std::map<std::string, Nanoseconds>& ended() const { return ended_; }

 private:
  struct Container {
    IdentityPtr identity;
    std::optional<CpuWeight> weight;
    bool left = false;
  };
  struct Departure {
    MonoTime at;
    CgroupKey key;
  };
  void join(CgroupKey key, const ContainerIdentity& identity);
  void name_pod(const ContainerIdentity& identity);
  IdentityPtr with_a_name_of_its_own(CgroupKey key, const IdentityPtr& identity) const;
  void end_sandbox(CgroupKey key, const Totals& last);
  void close(const std::optional<Groups::Closed>& closed, bool kept_elsewhere);

  std::unordered_map<CgroupKey, Container> identities_;
  std::unordered_map<CgroupKey, std::string> pod_uids_;
  Groups containers_{RowIds(RowIds::Kind::container)};  ///< applications only
  Groups pods_{RowIds(RowIds::Kind::pod)};
  Groups sandboxes_{RowIds(RowIds::Kind::sandbox)};
  std::optional<Nanoseconds> ended_sandboxes_;
  std::map<std::string, Nanoseconds> ended_;  ///< by namespace
  std::deque<Departure> left_;                ///< oldest first
  std::optional<WeightMapping> mapping_;      ///< of the node
};

}  // namespace throttlelens::accounts
