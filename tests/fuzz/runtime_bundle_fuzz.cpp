// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes: what is found lies within them, and no text is longer than promised.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <unordered_map>

#include "bundle.h"
#include "docker_config.h"
#include "json_parts.h"
#include "storage_names.h"

using namespace throttlelens::runtime;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_within(std::string_view part, std::string_view text) {
  if (part.empty()) return;
  require(part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size());
}

void check_names(const std::optional<Names>& names) {
  if (!names) return;
  for (const std::string* text :
       {&names->pod_namespace, &names->pod, &names->uid, &names->container, &names->image}) {
    require(text->size() <= kLongestText);
  }
  require(names->shares != 0);
}

void check_members(std::string_view text) {
  std::array members{JsonMember{.name = "annotations", .value = {}},
                     JsonMember{.name = "Config", .value = {}}};
  const bool valid = find_members(text, members);
  for (const JsonMember& member : members) {
    require(valid || member.value.empty());
    check_within(member.value, text);
    // What was part of valid JSON is valid by itself.
    if (member.value.starts_with('{')) require(find_members(member.value, {}));
    if (member.value.starts_with('[')) require(json_elements(member.value).has_value());
    if (member.value.starts_with('"')) {
      require(json_string(member.value, member.value.size() * 3).has_value());
    }
  }
  if (const auto elements = json_elements(text)) {
    for (const std::string_view element : *elements) check_within(element, text);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  check_members(text);
  check_names(parse_bundle(text));
  check_names(parse_docker_config(text));
  require(parse_docker_shares(text) != 0);
  std::unordered_map<std::string, StorageNames> names;
  read_storage_names(text, names);
  return 0;
}
