// SPDX-License-Identifier: Apache-2.0
// The cgroups known now: names and parents, not paths, so that a long branch stays cheap.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "model/cgroup.h"

namespace throttlelens {

struct Node {
  CgroupKey key;
  CgroupKey parent;  ///< id 0 for the root
  std::string name;  ///< empty for the root
  std::size_t path_size = 0;
  std::unordered_map<std::string, CgroupKey> children;
  int wd = -1;               ///< -1: not watched
  UniqueFd stat, use;        ///< kept cpu.stat and cpuacct.usage, where one was opened
  bool limit_known = false;  ///< `bandwidth` and `limit` are as the files say
  bool bandwidth = false;    ///< has limit files
  std::optional<CpuLimit> limit;
};

class Nodes {
 public:
  Node* find(CgroupKey key) {
    const auto it = map_.find(key);
    return it == map_.end() ? nullptr : &it->second;
  }
  Node& add(Node node) { return map_.insert_or_assign(node.key, std::move(node)).first->second; }
  void erase(CgroupKey key) { map_.erase(key); }
  auto begin() { return map_.begin(); }
  auto end() { return map_.end(); }

  /// Names from the root down to `node`, the root's not among them.
  std::vector<const std::string*> names(const Node& node);
  std::string path(const Node& node);
  /// As path() has it.
  std::optional<CgroupKey> find_path(std::string_view path) const;

 private:
  std::unordered_map<CgroupKey, Node> map_;  // references to nodes stay valid
};

}  // namespace throttlelens
