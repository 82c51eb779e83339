// SPDX-License-Identifier: Apache-2.0
#include "problems.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace throttlelens::config {
namespace {

// A hostile file could hold half a million mistakes; nobody reads past the first screens.
constexpr std::size_t kMostProblems = 100;
constexpr std::size_t kLongestQuote = 60;

void append_escaped(std::string& out, unsigned char byte) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\x";
  out += kHex[byte >> 4U];
  out += kHex[byte & 0xfU];
}

}  // namespace

void Problems::add(Place place, std::string message) {
  if (found_.size() == kMostProblems) {
    ++dropped_;
    return;
  }
  found_.push_back(
      {.file = file_, .line = place.line, .column = place.column, .message = std::move(message)});
}

ConfigProblems Problems::take() {
  std::ranges::sort(found_, {}, [](const ConfigProblem& problem) {
    return std::tie(problem.line, problem.column, problem.message);
  });
  if (dropped_ > 0) {
    found_.push_back({.file = file_,
                      .message = std::to_string(dropped_) +
                                 " more problems are not shown; mend those above first"});
    dropped_ = 0;
  }
  return std::exchange(found_, {});
}

std::string quoted(std::string_view text) {
  bool cut = false;
  if (text.size() > kLongestQuote) {
    std::size_t end = kLongestQuote;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
    text = text.substr(0, end);
    cut = true;
  }
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // U+0080..U+009F are control characters that some terminals obey.
    const bool c1 =
        byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) {
      append_escaped(out, static_cast<unsigned char>(text[++i]));
    } else if (byte < 0x20 || byte == 0x7f) {
      append_escaped(out, byte);
    } else {
      out += text[i];
    }
  }
  return out + (cut ? "...\"" : "\"");
}

std::string listed(const std::vector<std::string_view>& words) {
  std::string out;
  for (const auto word : words) {
    if (!out.empty()) out += ", ";
    out += word;
  }
  return out;
}

}  // namespace throttlelens::config

namespace throttlelens {

std::string ConfigProblem::text() const {
  std::string out = file;
  if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  return out + ": " + message;
}

}  // namespace throttlelens
