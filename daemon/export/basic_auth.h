// SPDX-License-Identifier: Apache-2.0
// What a request's Authorization header claims, and whether a password has a hash.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "export/http_security.h"

namespace throttlelens {

struct Login {
  std::string name;
  std::string password;
};

/// Absent when the header (null is none) is no RFC 7617 login that anybody could have.
std::optional<Login> parse_basic_auth(const char* authorization);

/// What the password must have: the user's hash, or for an unknown user one that no password has
/// but that takes as long to find out. `users` must not be empty.
std::string hash_of(const std::vector<HttpUser>& users, const std::string& name);

/// Takes as long as the hash's cost says, some 70 ms of CPU for 10. False also for what is no hash.
bool has_bcrypt_hash(const std::string& password, const std::string& hash);

}  // namespace throttlelens
