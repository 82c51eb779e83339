// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <cstdint>
#include <string>

#include <arpa/inet.h>

#include "config/config.h"

namespace throttlelens {
namespace {

constexpr std::string_view kForms =
    "write ADDRESS:PORT, as in 127.0.0.1:9976, or [::]:9976 for all addresses";

bool is_address(int family, const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  // inet_pton would stop at a NUL and accept what comes before it.
  return text.find('\0') == std::string::npos && inet_pton(family, text.c_str(), bytes.data()) == 1;
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::optional<std::string> listen_problem(std::string_view listen) {
  const auto wrong = [](std::string_view why) {
    return std::string(why) + "; " + std::string(kForms);
  };
  if (is_address(AF_INET6, std::string(listen))) {
    return wrong("is an IPv6 address without brackets or port");
  }
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string_view::npos) return wrong("has no port");
  const std::string_view host = listen.substr(0, colon);
  const std::string_view port = listen.substr(colon + 1);
  if (host.empty()) return wrong("has no address");

  if (host.starts_with('[') != host.ends_with(']') || host == "[" || host == "]") {
    return wrong("has a bracket without its pair, or no port");
  }
  const bool v6 = host.starts_with('[');
  const std::string address(v6 ? host.substr(1, host.size() - 2) : host);
  if (!v6 && address.find(':') != std::string::npos) {
    return wrong("has an IPv6 address without brackets");
  }
  if (!is_address(v6 ? AF_INET6 : AF_INET, address)) {
    return wrong(v6 ? "has no valid IPv6 address between the brackets"
                    : "does not start with an IPv4 address (names are not looked up)");
  }
  if (!is_port(port)) return wrong("has a port that is not a number from 0 to 65535");
  return std::nullopt;
}

}  // namespace throttlelens
