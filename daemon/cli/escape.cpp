// SPDX-License-Identifier: Apache-2.0
#include "cli/escape.h"

#include <cstddef>
#include <cstdint>

namespace throttlelens {
namespace {

struct Character {
  std::size_t length = 1;
  std::uint32_t code = 0;
  bool valid = false;
};

/// The character at the start of `text`, which is not empty.
Character decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {.length = 1, .code = lead, .valid = true};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {};
  std::uint32_t code = lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3fU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (overlong || surrogate || code > 0x10ffff) return {};
  return {.length = length, .code = code, .valid = true};
}

bool harmless(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
  const bool line_or_paragraph = code == 0x2028 || code == 0x2029;
  const bool direction = code == 0x200e || code == 0x200f || code == 0x061c ||
                         (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return !line_or_paragraph && !direction;
}

}  // namespace

std::string escape_text(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character next = decode(text);
    if (next.valid && harmless(next.code)) {
      out += text.substr(0, next.length);
    } else {
      for (const char c : text.substr(0, next.length)) {
        const auto byte = static_cast<std::uint8_t>(c);
        out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 0xf]};
      }
    }
    text.remove_prefix(next.length);
  }
  return out;
}

std::string escape_json(std::string_view text) {
  std::string out;
  for (const char c : escape_text(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace throttlelens
