// SPDX-License-Identifier: Apache-2.0
// Walks the keys of a map as a configuration may hold them: plain text, each once.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "yaml_tree.h"

namespace throttlelens::config {

/// Calls `take` for every key that is text and the first of its name.
template <typename Take>
void for_each_key(const YamlNode& map, Problems& problems, Take take) {
  std::map<std::string_view, Place> seen;
  for (std::size_t i = 0; i < map.keys.size() && i < map.items.size(); ++i) {
    const YamlNode& key = map.keys[i];
    if (key.kind == YamlNode::Kind::refused) continue;
    if (key.kind != YamlNode::Kind::text) {
      problems.add(key.place, "a key must be plain text; write \"key: value\"");
      continue;
    }
    const auto [first, is_new] = seen.emplace(key.text, key.place);
    if (!is_new) {
      problems.add(key.place, "duplicate key " + quoted(key.text) + ", first written in line " +
                                  std::to_string(first->second.line) + "; remove one of them");
      continue;
    }
    take(key, map.items[i]);
  }
}

}  // namespace throttlelens::config
