// SPDX-License-Identifier: Apache-2.0
// YAML text as a plain tree that knows where everything was written. The only place that sees
// yaml-cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "problems.h"

namespace throttlelens::config {

struct YamlNode {
  enum class Kind {
    nothing,
    text,
    list,
    map,
    refused,  ///< already reported, say no more about it
  };
  Kind kind = Kind::nothing;
  Place place;
  std::string text;
  bool quoted = false;          ///< the text was in quotes, so it is no number or boolean
  std::vector<YamlNode> keys;   ///< of a map; keys[i] names items[i]
  std::vector<YamlNode> items;  ///< of a list or a map
};

/// The one document in `text`; nothing when it cannot be read, with the reason in `problems`.
std::optional<YamlNode> read_yaml(std::string_view text, Problems& problems);

}  // namespace throttlelens::config
