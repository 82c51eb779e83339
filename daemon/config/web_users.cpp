// SPDX-License-Identifier: Apache-2.0
#include "web_users.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "map_keys.h"
#include "nearest.h"

namespace throttlelens::config {
namespace {

using Kind = YamlNode::Kind;

constexpr std::string_view kHowToHash =
    "htpasswd -nBC 10 \"\" makes one, as in $2y$10$ and 53 characters more";
constexpr int kLeastCost = 4;  // of the algorithm
constexpr int kMostCost = 16;  // some seconds of a CPU for each new password; doubles with each
constexpr std::size_t kMostUsers = 100;

/// What is wrong with a hash, without a piece of it; empty when nothing is.
std::string hash_fault(std::string_view hash) {
  constexpr std::size_t kLength = 60;
  constexpr std::size_t kPrefix = 7;
  constexpr std::string_view kDigits = "0123456789";
  constexpr std::string_view kAlphabet =
      "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const bool known =
      hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$");
  if (!known || hash.size() != kLength || hash[kPrefix - 1] != '$' || !kDigits.contains(hash[4]) ||
      !kDigits.contains(hash[5]) ||
      hash.find_first_not_of(kAlphabet, kPrefix) != std::string_view::npos) {
    return "is not the bcrypt hash of a password; " + std::string(kHowToHash);
  }
  const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
  if (cost >= kLeastCost && cost <= kMostCost) return {};
  return "has a bcrypt cost of " + std::to_string(cost) + "; it must be from " +
         std::to_string(kLeastCost) + " to " + std::to_string(kMostCost) +
         ", and 10 is usual: each one more doubles the time a login takes";
}

/// Basic authentication sends NAME:PASSWORD.
std::string name_fault(std::string_view name) {
  if (name.starts_with('$')) return "a name must not start with $: is it the hash of one?";
  const bool control = std::ranges::any_of(
      name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (name.empty() || control || name.contains(':')) {
    return "the name " + quoted(name) + " must have characters, and no colon among them";
  }
  return {};
}

struct KnownHeader {
  std::string_view name;
  std::string_view only;  ///< values there are, in lower case; empty: any
  std::string_view or_this;
};
constexpr std::array kHeaders{
    KnownHeader{.name = "Content-Security-Policy", .only = {}, .or_this = {}},
    KnownHeader{.name = "Strict-Transport-Security", .only = {}, .or_this = {}},
    KnownHeader{.name = "X-Content-Type-Options", .only = "nosniff", .or_this = {}},
    KnownHeader{.name = "X-Frame-Options", .only = "deny", .or_this = "sameorigin"},
    KnownHeader{.name = "X-XSS-Protection", .only = {}, .or_this = {}}};

void refuse_header(const YamlNode& key, Problems& problems) {
  std::vector<std::string_view> names;
  names.reserve(kHeaders.size());
  for (const auto& header : kHeaders) names.push_back(header.name);
  const auto near = nearest(key.text, names);
  problems.add(key.place, "unknown header " + quoted(key.text) +
                              (near.empty() ? "; valid headers are " + listed(names)
                                            : "; did you mean " + quoted(near) + "?"));
}

std::string value_fault(const KnownHeader& header, std::string_view value) {
  const bool plain = std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; });
  if (!plain) return "must be plain printable text";
  if (value.empty() || header.only.empty()) return {};
  if (value == header.only || value == header.or_this) return {};
  return "must be " + std::string(header.only) +
         (header.or_this.empty() ? "" : " or " + std::string(header.or_this));
}

/// False after saying that it is no map; nothing at all is an empty one.
bool is_map(const Entry& entry, std::string_view of, Problems& problems) {
  const Kind kind = entry.value->kind;
  if (kind == Kind::map) return true;
  if (kind != Kind::nothing && kind != Kind::refused) {
    problems.add(entry.value->place, entry.name + " must be a map of " + std::string(of));
  }
  return false;
}

}  // namespace

std::vector<WebConfig::User> read_users(const Entry& entry, Problems& problems) {
  std::vector<WebConfig::User> users;
  if (!is_map(entry, "names and bcrypt hashes", problems)) return users;
  for_each_key(*entry.value, problems, [&](const YamlNode& key, const YamlNode& item) {
    if (const std::string fault = name_fault(key.text); !fault.empty()) {
      return problems.add(key.place, entry.name + ": " + fault);
    }
    const Entry one{
        .name = entry.name + ": the hash of " + quoted(key.text), .key = key.place, .value = &item};
    auto hash = scalar_of(one, problems);
    if (!hash) return;
    if (const std::string fault = hash_fault(*hash); !fault.empty()) {
      return problems.add(place_of(one),
                          entry.name + ": what is given for " + quoted(key.text) + " " + fault);
    }
    users.push_back({.name = key.text, .hash = std::move(*hash)});
  });
  if (users.size() > kMostUsers) {
    problems.add(entry.key, entry.name + " has more than " + std::to_string(kMostUsers) +
                                " users; use client certificates, or a proxy");
  }
  return users;
}

std::vector<WebConfig::Header> read_headers(const Entry& entry, Problems& problems) {
  std::vector<WebConfig::Header> headers;
  if (!is_map(entry, "headers", problems)) return headers;
  for_each_key(*entry.value, problems, [&](const YamlNode& key, const YamlNode& item) {
    const auto* const known = std::ranges::find(kHeaders, key.text, &KnownHeader::name);
    if (known == kHeaders.end()) return refuse_header(key, problems);
    const Entry one{.name = entry.name + "." + key.text, .key = key.place, .value = &item};
    if (item.kind == Kind::nothing) return;
    auto value = scalar_of(one, problems);
    if (!value) return;
    if (const std::string fault = value_fault(*known, *value); !fault.empty()) {
      return problems.add(place_of(one), one.name + ": " + quoted(*value) + " " + fault);
    }
    if (!value->empty()) headers.push_back({.name = key.text, .value = std::move(*value)});
  });
  return headers;
}

}  // namespace throttlelens::config
