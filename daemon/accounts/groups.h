// SPDX-License-Identifier: Apache-2.0
// Cgroups that share one name: the incarnations of a container or of a pod. A name's counters never
// go back while one of them has a row.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/cgroup.h"
#include "row_ids.h"
#include "totals.h"

namespace throttlelens::accounts {

/// What a row is called; `container` is empty for a pod.
struct RowName {
  std::string pod_namespace;
  std::string pod;
  std::string container;
  friend auto operator<=>(const RowName&, const RowName&) = default;
};

class Groups {
 public:
  struct Group {
    std::uint64_t id = 0;
    std::vector<CgroupKey> members;  ///< in the order in which they got the name
    Totals ended;                    ///< of members whose rows are gone
  };
  struct Closed {
    RowName name;
    Totals totals;  ///< of all that ever belonged to it
  };

  explicit Groups(RowIds ids) : ids_(ids) {}

  /// Gives the cgroup a name, or another one than it had.
  void put(CgroupKey key, const RowName& name);
  /// The row of the cgroup is gone, `last` is what it had counted. The group, if it was the last
  /// of it; absent if others are left or the cgroup has no name.
  std::optional<Closed> end(CgroupKey key, const Totals& last);
  bool has(CgroupKey key) const { return names_.contains(key); }
  const std::map<RowName, Group>& all() const { return groups_; }
  /// Peaks of members whose rows are gone count no longer.
  void forget_peaks();

 private:
  RowIds ids_;
  std::map<RowName, Group> groups_;
  std::unordered_map<CgroupKey, std::map<RowName, Group>::iterator> names_;
};

}  // namespace throttlelens::accounts
