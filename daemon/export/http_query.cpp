// SPDX-License-Identifier: Apache-2.0
#include "http_query.h"

#include <charconv>
#include <optional>
#include <utility>

#include "top_names.h"

namespace throttlelens {

namespace {

constexpr std::size_t kEscapeDigits = 2;

/// Absent if there are not two hexadecimal digits.
std::optional<char> escaped_byte(std::string_view digits) {
  unsigned char byte = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
  if (digits.size() != kEscapeDigits || error != std::errc() || end != digits.end()) {
    return std::nullopt;
  }
  return static_cast<char>(byte);
}

std::expected<std::string, std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const std::string_view digits = text.substr(i + 1, kEscapeDigits);
    const auto byte = escaped_byte(digits);
    if (!byte) {
      return std::unexpected("'%" + printable(digits) +
                             "' is no byte: after % come two hexadecimal digits");
    }
    out += *byte;
    i += kEscapeDigits;
  }
  return out;
}

}  // namespace

std::expected<std::vector<QueryParameter>, std::string> parse_query(std::string_view text) {
  std::vector<QueryParameter> out;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, text.find('&'));
    text.remove_prefix(piece.size() == text.size() ? piece.size() : piece.size() + 1);
    if (piece.empty()) continue;
    const std::size_t equals = piece.find('=');
    auto name = decoded(piece.substr(0, equals));
    if (!name) return std::unexpected(std::move(name.error()));
    auto value =
        decoded(equals == std::string_view::npos ? std::string_view() : piece.substr(equals + 1));
    if (!value) return std::unexpected(std::move(value.error()));
    out.push_back({.name = std::move(*name), .value = std::move(*value)});
  }
  return out;
}

std::string percent_encoded(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : bytes) {
    if (kPlain.contains(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.append({'%', kDigits[byte >> 4U], kDigits[byte & 0xFU]});
  }
  return out;
}

}  // namespace throttlelens
