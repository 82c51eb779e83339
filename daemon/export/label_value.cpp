// SPDX-License-Identifier: Apache-2.0
#include "label_value.h"

#include <array>
#include <cstdio>
#include <unordered_set>
#include <utility>

namespace throttlelens {

namespace {

/// Length of the valid UTF-8 character at the start of `s`, 0 if there is none. Unicode 15, table
/// 3-7: no overlong forms, no surrogates, nothing above U+10FFFF; and no NUL, which ends strings.
std::size_t character_length(std::string_view s) {
  const auto byte = [s](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const auto in = [&](std::size_t i, unsigned low, unsigned high) {
    return i < s.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead == 0) return 0;
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return in(1, 0x80, 0xBF) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return in(1, low, high) && in(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return in(1, low, high) && in(2, 0x80, 0xBF) && in(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

bool may_stay(std::string_view text) {
  if (text.size() > kMaxLabelBytes) return false;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

/// "~" and 16 hexadecimal digits: FNV-1a, which needs no secret because clashes are tried again.
std::string suffix(std::string_view text, std::uint64_t attempt) {
  std::uint64_t hash = 14695981039346656037U + attempt;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  std::array<char, 18> tail{};
  std::snprintf(tail.data(), tail.size(), "~%016llx", static_cast<unsigned long long>(hash));
  return tail.data();
}

}  // namespace

std::string readable_value(std::string_view bytes, std::size_t max_bytes) {
  std::string out;
  while (!bytes.empty()) {
    const std::size_t length = character_length(bytes);
    std::array<char, 5> escape{};
    if (length == 0) {
      std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned char>(bytes[0]));
    }
    const std::string_view piece =
        length == 0 ? std::string_view(escape.data(), 4) : bytes.substr(0, length);
    if (out.size() + piece.size() > max_bytes) break;
    out += piece;
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

LabelValues::LabelValues(const std::vector<std::string_view>& texts) {
  for (const std::string_view text : texts) {
    if (!may_stay(text)) changed_.try_emplace(text);
  }
  if (changed_.empty()) return;
  // A made-up value can never take that of a text that stays as it is.
  std::unordered_set<std::string_view> taken(texts.begin(), texts.end());
  for (const std::string_view text : texts) {
    const auto found = changed_.find(text);
    if (found == changed_.end() || !found->second.empty()) continue;
    std::uint64_t attempt = 0;
    do {
      const std::string tail = suffix(text, attempt++);
      found->second = readable_value(text, kMaxLabelBytes - tail.size()) + tail;
    } while (taken.contains(found->second));
    taken.insert(found->second);
  }
}

std::string_view LabelValues::of(std::string_view text) const {
  const auto found = changed_.find(text);
  return found == changed_.end() ? text : std::string_view(found->second);
}

}  // namespace throttlelens
