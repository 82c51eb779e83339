// SPDX-License-Identifier: Apache-2.0
#include "text_check.h"

#include <algorithm>
#include <string>

namespace throttlelens::config {
namespace {

std::string hex(unsigned char byte) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  return {'0', 'x', kHex[byte >> 4U], kHex[byte & 0xfU]};
}

// The parser takes 0x04 for the end of the file and NUL for a sign of UTF-16, so no control
// character may reach it. "\r\n" is a line end.
bool is_control(std::string_view rest) {
  const auto byte = static_cast<unsigned char>(rest[0]);
  if (byte == '\r') return rest.size() < 2 || rest[1] != '\n';
  return byte == 0x7f || (byte < 0x20 && byte != '\t' && byte != '\n');
}

/// Empty when the character at the front of `rest` may stay.
std::string fault(std::string_view rest, bool indentation) {
  const auto byte = static_cast<unsigned char>(rest[0]);
  if (utf8_length(rest) == 0) {
    return "byte " + hex(byte) + " is not UTF-8; save the file as UTF-8";
  }
  if (is_control(rest)) {
    return "control character " + hex(byte) + "; the file must be plain text in UTF-8, remove it";
  }
  if (indentation && byte == '\t') {
    return "tab in the indentation; YAML indents with spaces only, replace it";
  }
  return {};
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (text.empty()) return 0;
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0U) != 0x80U) return 0;
  }
  // Overlong forms, surrogates and what lies beyond U+10FFFF.
  const unsigned char second = at(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) {
    return 0;
  }
  return length;
}

bool check_text(std::string_view text, Problems& problems) {
  bool good = true;
  Place place{.line = 1, .column = 1};
  bool indentation = true;
  bool reported = false;  // in this line
  for (std::size_t i = 0; i < text.size();) {
    const auto rest = text.substr(i);
    if (!reported) {
      const std::string message = fault(rest, indentation);
      if (!message.empty()) {
        problems.add(place, message);
        good = false;
        reported = true;
      }
    }
    if (text[i] == '\n') {
      place = {.line = place.line + 1, .column = 1};
      indentation = true;
      reported = false;
      ++i;
      continue;
    }
    if (text[i] != ' ' && text[i] != '\t') indentation = false;
    ++place.column;
    i += std::max<std::size_t>(utf8_length(rest), 1);
  }
  return good;
}

}  // namespace throttlelens::config
