// SPDX-License-Identifier: Apache-2.0
// Members of a JSON object that are names.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "json_parts.h"

namespace throttlelens::runtime {

/// The first that is a string and not empty, unescaped; else "".
std::string first_text(std::span<const JsonMember> members,
                       std::initializer_list<std::string_view> names);

/// Fills in the members of an object that may be missing or null: then they have no values. False
/// when it is something else.
bool find_members_if_any(std::string_view value, std::span<JsonMember> members);

}  // namespace throttlelens::runtime
