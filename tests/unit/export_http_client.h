// SPDX-License-Identifier: Apache-2.0
// A client that can misbehave: bytes over a socket, nothing understood on the way.
#pragma once

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/unique_fd.h"

namespace throttlelens::testing {

class Client {
 public:
  /// "127.0.0.1:PORT" or "[::1]:PORT"; connected() says whether it worked.
  explicit Client(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    std::string host = address.substr(0, colon);
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found) != 0) return;
    fd_.reset(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // A test that hangs should fail instead.
    const timeval limit{.tv_sec = 30, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    connected_ = ::connect(fd_.get(), found->ai_addr, found->ai_addrlen) == 0;
    ::freeaddrinfo(found);
  }

  bool connected() const { return connected_; }

  /// False once the other side has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Everything until the other side closes or resets; `ended` is false if time ran out instead.
  std::string receive() {
    std::string out;
    std::array<char, 65536> buffer{};
    ssize_t n = 0;
    while ((n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0)) > 0) {
      out.append(buffer.data(), static_cast<std::size_t>(n));
    }
    ended = n == 0 || errno == ECONNRESET;
    return out;
  }

  /// Whether there is something to read, or the end, within the time.
  bool readable_within(int milliseconds) {
    pollfd p{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&p, 1, milliseconds) > 0;
  }

  bool ended = false;

 private:
  UniqueFd fd_;
  bool connected_ = false;
};

inline std::string request(std::string_view method, std::string_view path,
                           std::string_view headers = "") {
  return std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" +
         std::string(headers) + "\r\n";
}

/// Head and body of an answer.
struct Answer {
  std::string head;
  std::string body;

  int status() const { return head.size() < 12 ? 0 : std::atoi(head.c_str() + 9); }
  bool has(std::string_view header) const {
    return head.find("\r\n" + std::string(header) + "\r\n") != std::string::npos;
  }
};

inline Answer parse(const std::string& bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) return {.head = bytes, .body = ""};
  return {.head = bytes.substr(0, end + 2), .body = bytes.substr(end + 4)};
}

inline Answer ask(const std::string& address, std::string_view method, std::string_view path,
                  std::string_view headers = "") {
  Client client(address);
  client.send(request(method, path, headers));
  return parse(client.receive());
}

}  // namespace throttlelens::testing
