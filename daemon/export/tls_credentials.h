// SPDX-License-Identifier: Apache-2.0
// Certificate, key and protocol versions as GnuTLS wants them.
#pragma once

#include <memory>

#include <gnutls/gnutls.h>

#include "base/error.h"
#include "export/http_security.h"

namespace throttlelens {

class TlsCredentials {
 public:
  static Result<std::shared_ptr<const TlsCredentials>> create(const HttpTls& tls);
  ~TlsCredentials();
  TlsCredentials(const TlsCredentials&) = delete;
  TlsCredentials& operator=(const TlsCredentials&) = delete;

  /// Before the handshake. These credentials must outlive the session. False: out of memory.
  bool use_in(gnutls_session_t session) const;

 private:
  TlsCredentials() = default;
  Result<void> load(const HttpTls& tls);

  gnutls_certificate_credentials_t certificate_ = nullptr;
  gnutls_priority_t priority_ = nullptr;
  bool asks_clients_ = false;
};

}  // namespace throttlelens
