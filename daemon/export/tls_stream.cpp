// SPDX-License-Identifier: Apache-2.0
#include "tls_stream.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <string_view>

#include <sys/socket.h>

namespace throttlelens {

namespace {

gnutls_transport_ptr_t as_pointer(int fd) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): this is how GnuTLS takes a descriptor
  return reinterpret_cast<gnutls_transport_ptr_t>(static_cast<std::intptr_t>(fd));
}

// As servers written in Go answer, so that people find it.
constexpr std::string_view kWrongProtocol =
    "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Connection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

}  // namespace

bool TlsStream::attach(gnutls_session_t session) {
  if (!credentials_->use_in(session)) return false;
  ::gnutls_transport_set_ptr2(session, this, as_pointer(fd_));
  ::gnutls_transport_set_pull_function(session, pull);
  ::gnutls_transport_set_pull_timeout_function(session, wait);
  return true;
}

ssize_t TlsStream::pull(gnutls_transport_ptr_t self, void* buffer, size_t size) noexcept {
  auto& stream = *static_cast<TlsStream*>(self);
  if (!stream.greeted_ && stream.speaks_http()) {
    stream.answer_in_the_clear();
    errno = ECONNABORTED;
    return -1;
  }
  const ssize_t got = ::recv(stream.fd_, buffer, size, MSG_DONTWAIT);
  if (got > 0) stream.greeted_ = true;
  return got;
}

int TlsStream::wait(gnutls_transport_ptr_t self, unsigned milliseconds) noexcept {
  return ::gnutls_system_recv_timeout(as_pointer(static_cast<TlsStream*>(self)->fd_), milliseconds);
}

bool TlsStream::speaks_http() const {
  // A TLS record begins with its type, which is no letter; a method of HTTP begins with one.
  char first = 0;
  return ::recv(fd_, &first, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && first >= 'A' && first <= 'Z';
}

void TlsStream::answer_in_the_clear() const {
  // What is not read before the socket is closed makes the kernel reset the connection, and the
  // answer may be lost with it.
  std::array<char, 4096> unread{};
  constexpr int kMostReads = 16;
  for (int i = 0; i < kMostReads; ++i) {
    if (::recv(fd_, unread.data(), unread.size(), MSG_DONTWAIT) <= 0) break;
  }
  (void)::send(fd_, kWrongProtocol.data(), kWrongProtocol.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::shutdown(fd_, SHUT_WR);
}

}  // namespace throttlelens
