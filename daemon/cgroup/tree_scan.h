// SPDX-License-Identifier: Apache-2.0
// Keeps Nodes equal to the directories: watches first and lists then, so that nothing made in
// between is missed; what both show is taken once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cgroup/cgroup_tree.h"
#include "files.h"
#include "nodes.h"
#include "watch.h"

namespace throttlelens {

class TreeScan {
 public:
  TreeScan(Nodes& nodes, Files& files, Watch watch, bool v2, Nanoseconds rescan);

  int fd() const { return watch_.fd(); }
  CgroupKey root() const { return root_; }
  Result<TreeChanges> changes();
  std::vector<Error> take_warnings();

 private:
  Result<void> first_scan();
  Result<void> collect_events();
  void find_differences();
  void reconcile();
  void add_subtree(CgroupKey parent, const std::string& name, UniqueFd top);
  std::optional<CgroupKey> enter(CgroupKey parent, const std::string& name, int dir);
  UniqueFd leave(UniqueFd child, CgroupKey parent);
  void remove_subtree(CgroupKey top);
  bool try_watch(Node& node, int dir);
  void recheck_limit(Node& node);
  void limit_written(Node& node);
  void set_timer(Nanoseconds first, Nanoseconds every);
  void warn_once(const Error& error);

  Nodes& nodes_;
  Files& files_;
  Watch watch_;
  bool v2_;
  Nanoseconds rescan_;
  CgroupKey root_;
  std::uint64_t device_ = 0;
  std::unordered_map<int, CgroupKey> by_wd_;

  std::set<std::pair<CgroupKey, std::string>> touched_;  ///< directory and name to look at
  std::unordered_set<CgroupKey> written_;                ///< limits
  std::unordered_set<CgroupKey> reweighted_;             ///< shares or weights
  bool lost_ = false;                                    ///< events were lost: look at everything
  bool unwatched_ = false;      ///< a directory was not watched or not opened: look again
  bool no_watch_left_ = false;  ///< do not ask again in this pass
  TreeChanges out_;
  std::unordered_set<CgroupKey> gone_;  ///< the keys of out_.gone

  std::vector<Error> warnings_;
  std::set<std::string> warned_;
};

}  // namespace throttlelens
