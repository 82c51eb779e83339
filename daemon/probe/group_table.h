// SPDX-License-Identifier: Apache-2.0
// The cgroups the BPF source knows: joins what the kernel announces (serial, slot, name, parent)
// with what the directories show, and adds up the tree, because the kernel's counters do.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/units.h"
#include "bpf_abi/accounting.h"
#include "model/cgroup.h"
#include "model/window_batch.h"

namespace throttlelens {

struct Group {
  CgroupKey key;
  std::shared_ptr<Group> parent;
  std::string path;
  std::uint64_t serial = 0;         ///< 0: the kernel has not run a thread of it since we attached
  std::uint64_t serial_before = 0;  ///< until its cpu controller was switched off and on; 0: never
  std::uint32_t slot = 0;
  bool in_tree = false;         ///< its directory was seen
  bool hidden = false;          ///< beyond max_cgroups: a level of the tree, but no row
  bool announced = false;       ///< handed on as appeared
  bool suspected = false;       ///< is being compared with the kernel's usage counter
  bool unsettled = false;       ///< was compared while busy, and will be when it is quiet
  WindowIndex born = 0;         ///< window in which it became known
  WindowIndex last_active = 0;  ///< last window in which it or one below it ran
  WindowIndex whole_from = 0;   ///< before, some of its time was charged to the cgroup above
  std::optional<Nanoseconds> usage_before;  ///< kernel's counter when our total was 0
  Nanoseconds total{0};                     ///< handed on so far, corrections included
  Nanoseconds used{0};                      ///< in the batch being made
  std::optional<Bandwidth> bandwidth;       ///< as last handed on
};

class GroupTable {
 public:
  using GroupPtr = std::shared_ptr<Group>;

  /// A cgroup ran for the first time. Its ancestors may be announced after it.
  void announced_by_kernel(const tl_event_cgroup& event, WindowIndex window);
  /// Its directory was seen. Null when it has no place to hang (its parent is unknown).
  GroupPtr seen_in_tree(const CgroupNode& node, WindowIndex window);

  GroupPtr by_serial(std::uint64_t serial) const;
  GroupPtr by_key(CgroupKey key) const;
  GroupPtr root() const { return root_; }
  const std::unordered_map<CgroupKey, GroupPtr>& all() const { return by_key_; }

  /// Adds to the group and all above it. Lists groups that had nothing before in `active`.
  static void add_use(const GroupPtr& group, Nanoseconds ns, WindowIndex window,
                      std::vector<GroupPtr>& active);
  /// The kernel took its structure away (the directory is still there). What is yet to come of it
  /// is still found by the old serial.
  void forget_serial(const GroupPtr& group);
  void remove(CgroupKey key);

 private:
  GroupPtr make(CgroupKey key, WindowIndex window);
  void place(const GroupPtr& group, const GroupPtr& parent, const std::string& name);

  std::unordered_map<CgroupKey, GroupPtr> by_key_;
  std::unordered_map<std::uint64_t, GroupPtr> by_serial_;
  GroupPtr root_;
  struct Waiting {
    GroupPtr group;
    std::string name;
  };
  std::unordered_multimap<std::uint64_t, Waiting> waiting_;  // by the parent's id
};

}  // namespace throttlelens
