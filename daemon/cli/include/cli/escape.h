// SPDX-License-Identifier: Apache-2.0
// Makes hostile bytes (cgroup names may hold any) harmless in a log or on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace throttlelens {

/// Printable UTF-8 stays; control characters, characters that turn the writing direction, and
/// bytes that are no UTF-8 become \xNN.
std::string escape_text(std::string_view text);

/// The inside of a JSON string.
std::string escape_json(std::string_view text);

}  // namespace throttlelens
