// SPDX-License-Identifier: Apache-2.0
#include "listener.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <string_view>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace throttlelens {

namespace {

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// Beyond max_connections, clients wait here; when it is full too, the kernel makes them try again
// a second later.
constexpr int kBacklog = 1024;

Error bad_address(const std::string& listen, std::string why) {
  return Error{.what = "listen on",
               .on = "\"" + listen + "\"",
               .code = 0,
               .why = std::move(why),
               .fix =
                   "give --listen or the key listen as ADDRESS:PORT, for example "
                   "127.0.0.1:9976 or [::]:9976"};
}

Result<HostPort> split(const std::string& listen) {
  const std::string_view text = listen;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::unexpected(bad_address(listen, "no port"));
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) {
      return std::unexpected(bad_address(listen, "brackets are for IPv6 addresses"));
    }
  } else if (host.find(':') != std::string_view::npos) {
    return std::unexpected(bad_address(listen, "an IPv6 address needs brackets"));
  }
  HostPort out{.host = host.empty() ? "::" : std::string(host)};
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc{} || end != port.data() + port.size()) {
    return std::unexpected(bad_address(listen, "the port is not a number from 0 to 65535"));
  }
  return out;
}

/// Numbers only: a name server that does not answer must not keep the daemon from starting.
Result<SocketAddress> parse(const std::string& listen) {
  const Result<HostPort> parts = split(listen);
  if (!parts) return std::unexpected(parts.error());
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(parts->port);
  if (::getaddrinfo(parts->host.c_str(), port.c_str(), &hints, &found) != 0) {
    return std::unexpected(bad_address(listen, "\"" + parts->host + "\" is not an IP address"));
  }
  SocketAddress address;
  address.length = found->ai_addrlen;
  const auto* bytes = reinterpret_cast<const std::byte*>(found->ai_addr);
  std::copy(bytes, bytes + found->ai_addrlen, reinterpret_cast<std::byte*>(&address.storage));
  ::freeaddrinfo(found);
  return address;
}

std::string to_text(const SocketAddress& address) {
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  ::getnameinfo(address.get(), address.length, host.data(), host.size(), port.data(), port.size(),
                NI_NUMERICHOST | NI_NUMERICSERV);
  const bool v6 = address.storage.ss_family == AF_INET6;
  return (v6 ? "[" : "") + std::string(host.data()) + (v6 ? "]:" : ":") + port.data();
}

std::string advice(int code) {
  switch (code) {
    case EADDRINUSE:
      return "something else uses the port: choose another with --listen or the key listen";
    case EADDRNOTAVAIL:
      return "this machine has no such address: choose another with --listen or the key listen";
    case EACCES:
      return "ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one";
    default:
      return {};
  }
}

}  // namespace

Result<Listener> open_listener(const std::string& listen) {
  Result<SocketAddress> address = parse(listen);
  if (!address) return std::unexpected(address.error());
  const auto failed = [&listen](int code) {
    Error error = os_error("listen on", listen, code);
    error.fix = advice(code);
    return std::unexpected(error);
  };

  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address->storage);
  const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  UniqueFd fd(::socket(address->storage.ss_family, type, 0));
  if (!fd && errno == EAFNOSUPPORT && address->storage.ss_family == AF_INET6 &&
      IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr)) {
    // "All addresses" on a kernel without IPv6: all there are.
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = v6->sin6_port;
    address = SocketAddress{};
    *reinterpret_cast<sockaddr_in*>(&address->storage) = any;
    address->length = sizeof any;
    fd.reset(::socket(AF_INET, type, 0));
  }
  if (!fd) return failed(errno);

  // So that a restart need not wait for the old connections' TIME_WAIT; and IPv4 beside IPv6
  // whatever net.ipv6.bindv6only says.
  const int on = 1;
  const int off = 0;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address->storage.ss_family == AF_INET6) {
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  if (::bind(fd.get(), address->get(), address->length) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return failed(errno);
  }
  SocketAddress real;
  real.length = sizeof real.storage;
  if (::getsockname(fd.get(), real.get(), &real.length) != 0) return failed(errno);
  return Listener{.fd = std::move(fd), .address = to_text(real)};
}

}  // namespace throttlelens
