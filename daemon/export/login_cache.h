// SPDX-License-Identifier: Apache-2.0
// Logins whose hash was worked out before, right and wrong ones. No password is kept: what is
// remembered is a digest with a key that only this process has.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "base/error.h"
#include "basic_auth.h"

namespace throttlelens {

class LoginCache {
 public:
  using Digest = std::array<unsigned char, 32>;  ///< HMAC-SHA-256
  /// Of each kind, so that a flood of wrong ones pushes no right one out.
  static constexpr std::size_t kRemembered = 128;

  /// An error when the system gives no random bytes.
  Result<void> start();

  /// The hash is part of it: who has a new password, or none any more, is not in the cache.
  Digest digest(const Login& login, const std::string& hash) const;
  std::optional<bool> find(const Digest& digest) const;
  void remember(const Digest& digest, bool right);

 private:
  std::array<unsigned char, 32> key_{};
  mutable std::mutex mutex_;
  std::deque<Digest> right_;
  std::deque<Digest> wrong_;
};

}  // namespace throttlelens
