// SPDX-License-Identifier: Apache-2.0
#include "storage_names.h"

#include <array>
#include <utility>

#include "json_parts.h"
#include "names.h"

namespace throttlelens::runtime {

namespace {

std::string text_or_nothing(std::string_view value) {
  return json_string(value, kLongestText).value_or("");
}

std::string first_name(std::string_view list) {
  const auto given = json_elements(list);
  return given && !given->empty() ? text_or_nothing(given->front()) : std::string();
}

// Podman's own part is JSON in a string.
std::string image_name(std::string_view metadata) {
  const std::string inner = text_or_nothing(metadata);
  std::array member{JsonMember{.name = "image-name", .value = {}}};
  return find_members(inner, member) ? text_or_nothing(member[0].value) : std::string();
}

}  // namespace

bool read_storage_names(std::string_view text,
                        std::unordered_map<std::string, StorageNames>& names) {
  const auto containers = json_elements(text);
  if (!containers) return false;
  for (const std::string_view container : *containers) {
    std::array members{JsonMember{.name = "id", .value = {}},
                       JsonMember{.name = "names", .value = {}},
                       JsonMember{.name = "metadata", .value = {}}};
    if (!find_members(container, members)) continue;
    names.insert_or_assign(text_or_nothing(members[0].value),
                           StorageNames{.container = first_name(members[1].value),
                                        .image = image_name(members[2].value)});
  }
  return true;
}

}  // namespace throttlelens::runtime
