// SPDX-License-Identifier: Apache-2.0
// The part of a URL behind the question mark, taken apart. Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace throttlelens {

/// Decoded: any bytes.
struct QueryParameter {
  std::string name;
  std::string value;  ///< empty without "="
  friend bool operator==(const QueryParameter&, const QueryParameter&) = default;
};

/// Of "a=b&c=d", in order; %XX is a byte and + a space, as forms send them. The error says which %
/// is none, in printable ASCII.
std::expected<std::vector<QueryParameter>, std::string> parse_query(std::string_view text);

/// Bytes as parse_query() takes them back, and as any other reader of URLs does: all but letters,
/// digits, - . _ and ~ as %XX.
std::string percent_encoded(std::string_view bytes);

}  // namespace throttlelens
