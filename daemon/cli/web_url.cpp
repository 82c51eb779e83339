// SPDX-License-Identifier: Apache-2.0
#include "cli/web_url.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace throttlelens {
namespace {

constexpr std::string_view kPlain = "http://";
constexpr std::string_view kTls = "https://";
constexpr std::string_view kForm =
    "write http://HOST:PORT or https://HOST:PORT, as in http://127.0.0.1:9976";

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

bool is_visible(char c) {
  return c > ' ' && c <= '~';
}

/// Splits "HOST[:PORT]" or "[ADDRESS][:PORT]"; an absent port is an empty text.
bool split(std::string_view authority, std::string& host, std::string_view& port) {
  const std::size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
  if (bracket == std::string_view::npos) return false;
  const std::size_t colon = authority.find(':', bracket);
  host = bracket > 0 ? authority.substr(1, bracket - 1) : authority.substr(0, colon);
  const std::string_view rest = authority.substr(bracket > 0 ? bracket + 1 : host.size());
  if (host.empty() || (!rest.empty() && rest.front() != ':')) return false;
  port = rest.empty() ? rest : rest.substr(1);
  return rest.empty() || !port.empty();
}

}  // namespace

std::expected<WebUrl, std::string> parse_web_url(std::string_view text) {
  const auto wrong = [](std::string_view why) {
    return std::unexpected(std::string(why) + "; " + std::string(kForm));
  };
  const bool tls = text.starts_with(kTls);
  if (!tls && !text.starts_with(kPlain)) return wrong("does not begin with http:// or https://");
  if (!std::ranges::all_of(text, is_visible)) return wrong("has a blank, or no plain character");
  if (text.contains('@')) {
    // The list of processes shows command lines to everybody.
    return std::unexpected(
        "must not hold a user or password; give them with --user and --password-file");
  }
  if (text.find_first_of("?#") != std::string_view::npos) {
    return wrong("has more than host, port and path");
  }
  text.remove_prefix((tls ? kTls : kPlain).size());
  const std::size_t slash = std::min(text.find('/'), text.size());
  WebUrl url{.host = {}, .path = std::string(text.substr(slash)), .tls = tls};
  while (url.path.ends_with('/')) url.path.pop_back();
  std::string_view port;
  if (!split(text.substr(0, slash), url.host, port)) return wrong("has no host, or no port");
  if (port.empty()) return url;
  const auto number = port_of(port);
  if (!number) return wrong("has a port that is not a number from 1 to 65535");
  url.port = *number;
  return url;
}

std::string to_string(const WebUrl& url) {
  const bool v6 = url.host.find(':') != std::string::npos;
  return std::string(url.tls ? kTls : kPlain) + (v6 ? "[" + url.host + "]" : url.host) + ":" +
         std::to_string(url.port) + url.path;
}

WebUrl local_url(std::string_view listen) {
  WebUrl url;
  std::string_view port;
  if (!split(listen, url.host, port)) return {.host = "127.0.0.1", .path = {}};
  // All addresses: the one that is always there. [::] takes IPv4 too, and IPv6 may be switched off.
  if (url.host == "0.0.0.0" || url.host == "::") url.host = "127.0.0.1";
  url.port = port_of(port).value_or(url.port);
  return url;
}

}  // namespace throttlelens
