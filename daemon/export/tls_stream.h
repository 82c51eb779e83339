// SPDX-License-Identifier: Apache-2.0
// One connection's way from the socket into GnuTLS: who speaks plain HTTP to it is told so.
#pragma once

#include <memory>

#include <gnutls/gnutls.h>

#include "tls_credentials.h"

namespace throttlelens {

class TlsStream {
 public:
  TlsStream(int fd, std::shared_ptr<const TlsCredentials> credentials)
      : fd_(fd), credentials_(std::move(credentials)) {}
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  /// Before the first byte; it must outlive the session's last one. False: this session must not go
  /// on.
  bool attach(gnutls_session_t session);

 private:
  static ssize_t pull(gnutls_transport_ptr_t self, void* buffer, size_t size) noexcept;
  static int wait(gnutls_transport_ptr_t self, unsigned milliseconds) noexcept;
  bool speaks_http() const;
  void answer_in_the_clear() const;

  int fd_;
  std::shared_ptr<const TlsCredentials> credentials_;
  bool greeted_ = false;  ///< its first byte was looked at
};

}  // namespace throttlelens
