// SPDX-License-Identifier: Apache-2.0
// What must hold before the text may reach the YAML parser.
#pragma once

#include <string_view>

#include "problems.h"

namespace throttlelens::config {

/// Bytes of the UTF-8 character `text` starts with; 0 when it is not valid UTF-8.
std::size_t utf8_length(std::string_view text);

/// Reports bytes that are not UTF-8, control characters and tabs used as indentation, at most one
/// a line. False: do not parse.
bool check_text(std::string_view text, Problems& problems);

}  // namespace throttlelens::config
