// SPDX-License-Identifier: Apache-2.0
#include "open_quote.h"

namespace throttlelens::config {
namespace {

/// The position behind the quoted text that starts at `start`; npos when it does not end.
std::size_t after_quoted(std::string_view text, std::size_t start) {
  const char quote = text[start];
  for (std::size_t i = start + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      // Two single quotes in single quotes stand for one.
      if (quote == '"' || i + 1 == text.size() || text[i + 1] != quote) return i + 1;
      ++i;
    }
  }
  return std::string_view::npos;
}

}  // namespace

std::size_t open_quote(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  constexpr std::string_view kBeforeValue = " \t\r\n[{,:";
  for (std::size_t i = 0; i < text.size();) {
    const char before = i == 0 ? '\n' : text[i - 1];
    if (text[i] == '#' && kSpace.contains(before)) {
      i = text.find('\n', i);
      if (i == std::string_view::npos) break;
    } else if ((text[i] == '"' || text[i] == '\'') && kBeforeValue.contains(before)) {
      const std::size_t after = after_quoted(text, i);
      if (after == std::string_view::npos) return i;
      i = after;
    } else {
      ++i;
    }
  }
  return std::string_view::npos;
}

}  // namespace throttlelens::config
