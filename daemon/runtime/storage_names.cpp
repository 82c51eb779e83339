// SPDX-License-Identifier: Apache-2.0
#include "storage_names.h"

#include <array>
#include <utility>

#include "json_parts.h"
#include "names.h"

namespace throttlelens::runtime {

void read_storage_names(std::string_view text,
                        std::unordered_map<std::string, std::string>& names) {
  const auto containers = json_elements(text);
  if (!containers) return;
  for (const std::string_view container : *containers) {
    std::array members{JsonMember{.name = "id", .value = {}},
                       JsonMember{.name = "names", .value = {}}};
    if (!find_members(container, members)) continue;
    auto id = json_string(members[0].value, kLongestText);
    const auto given = json_elements(members[1].value);
    if (!id || !given || given->empty()) continue;
    auto name = json_string(given->front(), kLongestText);
    if (name) names.insert_or_assign(std::move(*id), std::move(*name));
  }
}

}  // namespace throttlelens::runtime
