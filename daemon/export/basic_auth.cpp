// SPDX-License-Identifier: Apache-2.0
#include "basic_auth.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include <crypt.h>
#include <gnutls/gnutls.h>

namespace throttlelens {

namespace {

constexpr std::string_view kScheme = "basic";
constexpr std::size_t kCostEnd = 7;  // of "$2y$10$"
/// Of no known password, and not believed even if it were.
constexpr std::string_view kNobody = "9zXv0Gk7mQ2rT5bN8cL1dOeWjFhYsUiPaKqRtZxVnBmCgHfDlSyEu";

bool is_basic(std::string_view header) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return header.size() > kScheme.size() && header[kScheme.size()] == ' ' &&
         std::ranges::equal(header.substr(0, kScheme.size()), kScheme, {}, lower);
}

std::optional<std::string> from_base64(std::string_view text) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  const gnutls_datum_t encoded{.data = const_cast<unsigned char*>(bytes),
                               .size = static_cast<unsigned>(text.size())};
  gnutls_datum_t decoded{};
  if (::gnutls_base64_decode2(&encoded, &decoded) < 0) return std::nullopt;
  const std::unique_ptr<unsigned char, void (*)(void*)> owner(decoded.data, ::gnutls_free);
  return std::string(reinterpret_cast<const char*>(decoded.data), decoded.size);
}

}  // namespace

std::optional<Login> parse_basic_auth(const char* authorization) {
  std::string_view header = authorization == nullptr ? "" : authorization;
  if (!is_basic(header)) return std::nullopt;
  header.remove_prefix(kScheme.size());
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  constexpr std::size_t kLongest = 2048;
  if (header.empty() || header.size() > kLongest) return std::nullopt;
  const auto text = from_base64(header);
  if (!text) return std::nullopt;
  const std::size_t colon = text->find(':');
  if (colon == std::string::npos) return std::nullopt;
  Login login{.name = text->substr(0, colon), .password = text->substr(colon + 1)};
  // crypt() would take what is before a NUL for the whole.
  if (login.password.contains('\0') || login.password.size() >= CRYPT_MAX_PASSPHRASE_SIZE) {
    return std::nullopt;
  }
  return login;
}

std::string hash_of(const std::vector<HttpUser>& users, const std::string& name) {
  const auto user = std::ranges::find(users, name, &HttpUser::name);
  if (user != users.end()) return user->hash;
  // The cost is two digits: the highest text is the highest cost.
  const auto cost = [](const HttpUser& one) { return std::string_view(one.hash).substr(3, 3); };
  const auto dearest = std::ranges::max_element(users, {}, cost);
  return dearest->hash.substr(0, kCostEnd) + std::string(kNobody);
}

bool has_bcrypt_hash(const std::string& password, const std::string& hash) {
  const auto workspace = std::make_unique<crypt_data>();
  const char* const made = ::crypt_r(password.c_str(), hash.c_str(), workspace.get());
  const bool nobody = std::string_view(hash).substr(std::min(kCostEnd, hash.size())) == kNobody;
  const bool same = made != nullptr && std::strlen(made) == hash.size() &&
                    ::gnutls_memcmp(made, hash.data(), hash.size()) == 0;
  return same && !nobody;
}

}  // namespace throttlelens
