// SPDX-License-Identifier: Apache-2.0
#include "member_texts.h"

#include <algorithm>

#include "names.h"

namespace throttlelens::runtime {

std::string first_text(std::span<const JsonMember> members,
                       std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const auto member = std::ranges::find(members, name, &JsonMember::name);
    if (member == members.end()) continue;
    auto text = json_string(member->value, kLongestText);
    if (text && !text->empty()) return std::move(*text);
  }
  return {};
}

bool find_members_if_any(std::string_view value, std::span<JsonMember> members) {
  return value.empty() || value == "null" || find_members(value, members);
}

}  // namespace throttlelens::runtime
