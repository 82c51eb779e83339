// SPDX-License-Identifier: Apache-2.0
// Finds values in JSON text by where they stand. Pure. The text holds secrets (process.env, the
// annotation with the last applied manifest), so nothing of it is copied but the strings asked for:
// a parser that builds a tree leaves the rest in freed memory.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace throttlelens::runtime {

struct JsonMember {
  std::string_view name;   ///< what is looked for, in ASCII
  std::string_view value;  ///< its text; empty when there is none
};

/// Fills in the values; of members by one name the last counts, as in Go, which wrote the text.
/// False when the text is no JSON object, or nested deeper than 64. Bytes above 0x7f may be
/// anything.
bool find_members(std::string_view text, std::span<JsonMember> members);

/// The texts of the elements; absent when the text is no JSON array, or nested deeper than 64.
std::optional<std::vector<std::string_view>> json_elements(std::string_view text);

/// The content of a string; absent when it is something else, or larger than `most` bytes.
std::optional<std::string> json_string(std::string_view value, std::size_t most);

/// Absent when it is no number, not whole, negative or too large.
std::optional<std::uint64_t> json_unsigned(std::string_view value);

}  // namespace throttlelens::runtime
