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

}  // namespace throttlelens
