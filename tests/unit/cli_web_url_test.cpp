// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <catch2/catch.hpp>

#include "cli/web_url.h"

using namespace throttlelens;

namespace {

/// "HOST PORT PATH", or what is wrong up to the advice.
std::string parsed(std::string_view text) {
  const auto url = parse_web_url(text);
  if (!url) return url.error().substr(0, url.error().find(';'));
  return url->host + " " + std::to_string(url->port) + " " + url->path + (url->tls ? "TLS" : "");
}

std::string local(std::string_view listen) {
  return to_string(local_url(listen));
}

}  // namespace

TEST_CASE("URLs of daemons") {
  CHECK(parsed("http://127.0.0.1:9976") == "127.0.0.1 9976 ");
  CHECK(parsed("http://node-1") == "node-1 9976 ");
  CHECK(parsed("http://node-1:80/") == "node-1 80 ");
  CHECK(parsed("http://[fe80::1]:9976/a/b//") == "fe80::1 9976 /a/b");
  CHECK(parsed("http://[::1]") == "::1 9976 ");
  CHECK(parsed("https://node-1") == "node-1 9976 TLS");
  CHECK(parsed("https://[::1]:443/a") == "::1 443 /aTLS");
}

TEST_CASE("what is no URL of a daemon is refused with the reason and the form") {
  CHECK(parsed("node:9976") == "does not begin with http:// or https://");
  CHECK(parsed("") == "does not begin with http:// or https://");
  CHECK(parsed("http://") == "has no host, or no port");
  CHECK(parsed("http://:9976") == "has no host, or no port");
  CHECK(parsed("http://node:") == "has no host, or no port");
  CHECK(parsed("http://[::1") == "has no host, or no port");
  CHECK(parsed("http://[::1]9976") == "has no host, or no port");
  CHECK(parsed("http://node:0") == "has a port that is not a number from 1 to 65535");
  CHECK(parsed("http://node:65536") == "has a port that is not a number from 1 to 65535");
  CHECK(parsed("http://node:9976x") == "has a port that is not a number from 1 to 65535");
  CHECK(parsed("http://a b") == "has a blank, or no plain character");
  CHECK(parsed("http://a\r\nX: y") == "has a blank, or no plain character");
  CHECK(parsed("http://me@node") == "must not hold a user or password");
  CHECK(parsed("https://me:secret@node/a") == "must not hold a user or password");
  CHECK(parsed("https://") == "has no host, or no port");
  CHECK(parsed("http://node/api?x") == "has more than host, port and path");
  CHECK(parse_web_url("x").error() ==
        "does not begin with http:// or https://; write http://HOST:PORT or https://HOST:PORT, as "
        "in http://127.0.0.1:9976");
}

TEST_CASE("a URL as text is the same URL") {
  for (const std::string text :
       {"http://node:80/a", "http://[::1]:9976", "http://10.0.0.1:1", "https://node:9976"}) {
    CHECK(to_string(parse_web_url(text).value()) == text);
  }
}

TEST_CASE("the daemon of this machine is where it listens, or on the loopback for all addresses") {
  CHECK(local("127.0.0.1:9976") == "http://127.0.0.1:9976");
  CHECK(local("10.1.2.3:80") == "http://10.1.2.3:80");
  CHECK(local("0.0.0.0:9977") == "http://127.0.0.1:9977");
  CHECK(local("[::]:9978") == "http://127.0.0.1:9978");
  CHECK(local("[::1]:9979") == "http://[::1]:9979");
}
