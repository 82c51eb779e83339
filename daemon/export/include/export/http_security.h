// SPDX-License-Identifier: Apache-2.0
// Who may ask the HTTP server, and over what. Plain values; files are others' business.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace throttlelens {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpUser {
  std::string name;
  std::string hash;  ///< bcrypt, as crypt(5) knows it
};

enum class TlsVersion { tls12, tls13 };

struct HttpTls {
  std::string certificate;  ///< PEM, the server's first
  std::string key;          ///< PEM
  std::string client_ca;    ///< PEM; not empty: clients need a certificate of it
  TlsVersion min = TlsVersion::tls12;
  TlsVersion max = TlsVersion::tls13;
};

struct HttpSecurity {
  std::optional<HttpTls> tls;       ///< absent: in the clear
  std::vector<HttpUser> users;      ///< empty: no password; /livez and /readyz never need one
  std::vector<HttpHeader> headers;  ///< of every answer, in place of those of the same name
};

/// Whether a server could be started with it; an error says what does not fit. No error holds a
/// secret.
Result<void> check_security(const HttpSecurity& security);

}  // namespace throttlelens
