// SPDX-License-Identifier: Apache-2.0
#include "nodes.h"

#include <algorithm>

namespace throttlelens {

std::vector<const std::string*> Nodes::names(const Node& node) {
  std::vector<const std::string*> names;
  for (const Node* at = &node; at != nullptr && at->parent.id != 0; at = find(at->parent)) {
    names.push_back(&at->name);
  }
  std::ranges::reverse(names);
  return names;
}

std::string Nodes::path(const Node& node) {
  std::string path;
  for (const std::string* name : names(node)) (path += '/') += *name;
  return path.empty() ? "/" : path;
}

std::optional<CgroupKey> Nodes::find_path(std::string_view path) const {
  const auto root =
      std::ranges::find_if(map_, [](const auto& entry) { return entry.second.parent.id == 0; });
  if (root == map_.end() || !path.starts_with('/')) return std::nullopt;
  const Node* node = &root->second;
  for (path.remove_prefix(1); !path.empty();) {
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(name.size() + 1, path.size()));
    const auto child = node->children.find(std::string(name));
    if (child == node->children.end()) return std::nullopt;
    const auto found = map_.find(child->second);
    if (found == map_.end()) return std::nullopt;
    node = &found->second;
  }
  return node->key;
}

}  // namespace throttlelens
