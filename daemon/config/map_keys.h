// SPDX-License-Identifier: Apache-2.0
// Keys of a configuration: what one of them is, and the walk over those of a map, each plain text
// and there once.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "values.h"
#include "yaml_tree.h"

namespace throttlelens::config {

/// A key that a file may have, and how its value gets into the draft of what is read.
template <typename Draft>
struct SchemaKey {
  using Reader = void (*)(const Entry& entry, Draft& draft, Problems& problems);
  constexpr SchemaKey(std::string_view its_section, std::string_view its_name, Reader its_reader)
      : section(its_section), name(its_name), read(its_reader) {}

  std::string_view section;  ///< empty at the top
  std::string_view name;
  Reader read;

  std::string dotted() const {
    return (section.empty() ? "" : std::string(section) + ".") + std::string(name);
  }
};

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
