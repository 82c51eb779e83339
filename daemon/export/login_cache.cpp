// SPDX-License-Identifier: Apache-2.0
#include "login_cache.h"

#include <algorithm>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

namespace throttlelens {

namespace {

bool contains(const std::deque<LoginCache::Digest>& digests, const LoginCache::Digest& wanted) {
  return std::ranges::any_of(digests, [&wanted](const LoginCache::Digest& one) {
    return ::gnutls_memcmp(one.data(), wanted.data(), one.size()) == 0;
  });
}

}  // namespace

Result<void> LoginCache::start() {
  const int code = ::gnutls_rnd(GNUTLS_RND_KEY, key_.data(), key_.size());
  if (code >= 0) return {};
  return std::unexpected(
      Error{.what = "get random bytes for", .on = "passwords", .why = ::gnutls_strerror(code)});
}

LoginCache::Digest LoginCache::digest(const Login& login, const std::string& hash) const {
  // Lengths first, so that no two logins make the same text.
  const std::string text =
      std::to_string(login.name.size()) + ":" + login.name + hash + ":" + login.password;
  Digest out{};
  ::gnutls_hmac_fast(GNUTLS_MAC_SHA256, key_.data(), key_.size(), text.data(), text.size(),
                     out.data());
  return out;
}

std::optional<bool> LoginCache::find(const Digest& digest) const {
  const std::lock_guard lock(mutex_);
  if (contains(right_, digest)) return true;
  if (contains(wrong_, digest)) return false;
  return std::nullopt;
}

void LoginCache::remember(const Digest& digest, bool right) {
  const std::lock_guard lock(mutex_);
  std::deque<Digest>& kind = right ? right_ : wrong_;
  if (contains(kind, digest)) return;
  if (kind.size() == kRemembered) kind.pop_front();
  kind.push_back(digest);
}

}  // namespace throttlelens
