// SPDX-License-Identifier: Apache-2.0
// One GET of a daemon. The only file pair that knows the HTTP client library.
#pragma once

#include <expected>
#include <string>

#include "base/error.h"
#include "base/units.h"
#include "cli/web_url.h"

namespace throttlelens {

struct FetchFailure {
  bool nobody_there = false;  ///< nothing takes connections at that address
  Error error;
};

/// What lets us in, and whom we trust. Files are PEM.
struct FetchAccess {
  std::string user;  ///< empty: no login
  std::string password;
  std::string ca_file;    ///< empty: the CAs that the system trusts
  std::string cert_file;  ///< our own certificate; empty: none
  std::string key_file;
};

/// The body of a 200; another status is an error that says what the daemon said. `target`: path and
/// query, encoded. `patience`: for the first byte of the answer.
std::expected<std::string, FetchFailure> fetch(const WebUrl& url, const std::string& target,
                                               Nanoseconds patience,
                                               const FetchAccess& access = {});

}  // namespace throttlelens
