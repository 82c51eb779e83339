// SPDX-License-Identifier: Apache-2.0
// Where a daemon is asked: URLs people type, and the one of the daemon of this machine.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace throttlelens {

struct WebUrl {
  std::string host;  ///< name or address, IPv6 without brackets
  std::uint16_t port = 9976;
  std::string path;  ///< what comes before /api/v1/snapshot: empty, or begins with '/'
  bool tls = false;  ///< https
  friend bool operator==(const WebUrl&, const WebUrl&) = default;
};

/// http:// or https://HOST[:PORT][/PATH], [ADDRESS] for IPv6. The error says what is wrong, to be
/// put behind the quoted URL.
std::expected<WebUrl, std::string> parse_web_url(std::string_view text);
/// As parse_web_url() takes it.
std::string to_string(const WebUrl& url);
/// Where a client on this machine reaches a daemon that listens on `listen` (a valid one).
WebUrl local_url(std::string_view listen);

}  // namespace throttlelens
