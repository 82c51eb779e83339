// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>
#include <zlib.h>

#include "export/http_server.h"
#include "export_http_client.h"

using namespace throttlelens;
using namespace throttlelens::testing;

namespace {

HttpHandlers handlers() {
  return {.metrics = [] { return HttpResponse{.status = 200, .body = "some metrics\n"}; },
          .snapshot =
              [](std::string_view query) {
                return HttpResponse{.content_type = "application/json",
                                    .body = "[" + std::string(query) + "]"};
              },
          .livez = [] { return HttpResponse{.status = 200, .body = "alive\n"}; },
          .readyz = [] { return HttpResponse{.status = 503, .body = "not ready: first window\n"}; },
          .index =
              [] {
                return HttpResponse{.status = 200,
                                    .content_type = "text/html; charset=utf-8",
                                    .body = "<p>page</p>"};
              }};
}

std::unique_ptr<HttpServer> serve(HttpHandlers with = handlers(),
                                  const std::string& listen = "127.0.0.1:0") {
  HttpServerOptions options;
  options.listen = listen;
  auto server = HttpServer::start(options, std::move(with));
  if (!server) FAIL(server.error().message());
  return std::move(*server);
}

std::string message(const std::string& listen) {
  HttpServerOptions options;
  options.listen = listen;
  const auto server = HttpServer::start(options, handlers());
  return server ? "listens on " + (*server)->address() : server.error().message();
}

std::string gunzip(const std::string& bytes) {
  z_stream stream{};
  if (::inflateInit2(&stream, 15 + 16) != Z_OK) return {};
  std::string out(1 << 20, '\0');
  std::string in = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = ::inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  ::inflateEnd(&stream);
  return result == Z_STREAM_END ? out : "";
}

}  // namespace

TEST_CASE("every endpoint answers GET") {
  const auto server = serve();
  const std::string& at = server->address();
  CHECK(ask(at, "GET", "/metrics").body == "some metrics\n");
  CHECK(ask(at, "GET", "/metrics?x=1&y").body == "some metrics\n");
  CHECK(ask(at, "GET", "/api/v1/snapshot").body == "[]");
  CHECK(ask(at, "GET", "/livez").body == "alive\n");
  CHECK(ask(at, "GET", "/healthz").body == "alive\n");
  CHECK(ask(at, "GET", "/readyz").body == "not ready: first window\n");
  CHECK(ask(at, "GET", "/readyz").status() == 503);
  CHECK(ask(at, "GET", "/").body == "<p>page</p>");
}

TEST_CASE("answers carry their headers and end the connection") {
  const auto server = serve();
  const Answer metrics = ask(server->address(), "GET", "/metrics");
  CHECK(metrics.head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(metrics.has("Content-Type: text/plain; charset=utf-8"));
  CHECK(metrics.has("Content-Length: 13"));
  CHECK(metrics.has("Cache-Control: no-store"));
  CHECK(metrics.has("X-Content-Type-Options: nosniff"));
  CHECK(metrics.has("Connection: close"));
  CHECK(metrics.has("Vary: Accept-Encoding"));
  const Answer page = ask(server->address(), "GET", "/");
  CHECK(page.has("Content-Type: text/html; charset=utf-8"));
  CHECK(page.head.find("\r\nContent-Security-Policy: default-src 'none'; ") != std::string::npos);
  CHECK(page.head.find("script-src") == std::string::npos);
}

TEST_CASE("a query comes to its handler as it was sent") {
  const auto server = serve();
  const std::string& at = server->address();
  for (const std::string query : {"", "top=1", "a=%41%00%zz&&b+c", "a?b=c", "%", "=", "a=b&a=b"}) {
    CAPTURE(query);
    CHECK(ask(at, "GET", "/api/v1/snapshot?" + query).body == "[" + query + "]");
  }
  const Answer answer = ask(at, "GET", "/api/v1/snapshot");
  CHECK(answer.has("Content-Type: application/json"));
  CHECK(answer.has("X-Content-Type-Options: nosniff"));
}

TEST_CASE("HEAD says what GET would, without the body") {
  const auto server = serve();
  for (const char* path :
       {"/metrics", "/api/v1/snapshot?top=1", "/livez", "/readyz", "/", "/nothing"}) {
    CAPTURE(path);
    Answer get = ask(server->address(), "GET", path);
    Answer head = ask(server->address(), "HEAD", path);
    CHECK(head.body.empty());
    // Only the second of the answer may differ.
    for (Answer* answer : {&get, &head}) {
      const std::size_t date = answer->head.find("Date: ");
      REQUIRE(date != std::string::npos);
      answer->head.erase(date, answer->head.find("\r\n", date) - date);
    }
    CHECK(head.head == get.head);
  }
}

TEST_CASE("unknown paths and methods are refused") {
  const auto server = serve();
  const std::string& at = server->address();
  CHECK(ask(at, "GET", "/nothing").status() == 404);
  CHECK(ask(at, "GET", "/metrics/").status() == 404);
  CHECK(ask(at, "GET", "/api/v1/snapshot/").status() == 404);
  CHECK(ask(at, "GET", "/api/v1").status() == 404);
  CHECK(ask(at, "GET", "//metrics").status() == 404);
  CHECK(ask(at, "POST", "/nothing").status() == 404);
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "X"}) {
    for (const char* path : {"/metrics", "/api/v1/snapshot?top=1", "/livez", "/"}) {
      CAPTURE(method, path);
      const Answer answer = ask(at, method, path, "Content-Length: 5\r\n\r\nhello");
      CHECK(answer.status() == 405);
      CHECK(answer.has("Allow: GET, HEAD"));
    }
  }
}

TEST_CASE("metrics are compressed for those who ask") {
  std::string body;
  for (int i = 0; i < 10'000; ++i) body += "a_metric{label=\"" + std::to_string(i) + "\"} 1\n";
  HttpHandlers with = handlers();
  with.metrics = [&body] { return HttpResponse{.status = 200, .body = body}; };
  const auto server = serve(std::move(with));
  for (const char* accept : {"gzip", "deflate, GZIP;q=0.5", "br;q=1.0 , gzip ; q=1"}) {
    CAPTURE(accept);
    const Answer answer = ask(server->address(), "GET", "/metrics",
                              "Accept-Encoding: " + std::string(accept) + "\r\n");
    CHECK(answer.has("Content-Encoding: gzip"));
    CHECK(answer.has("Vary: Accept-Encoding"));
    CHECK(answer.body.size() < body.size() / 4);
    CHECK(gunzip(answer.body) == body);
  }
  for (const char* accept : {"identity", "gzip;q=0", "gzip; q=0.000", "xgzip", "", ",;,"}) {
    CAPTURE(accept);
    CHECK(ask(server->address(), "GET", "/metrics",
              "Accept-Encoding: " + std::string(accept) + "\r\n")
              .body == body);
  }
}

TEST_CASE("what a handler throws is a 500") {
  HttpHandlers with = handlers();
  with.metrics = []() -> HttpResponse { throw std::runtime_error("secret"); };
  with.livez = with.metrics;
  with.snapshot = [](std::string_view) -> HttpResponse { throw std::runtime_error("secret"); };
  const auto server = serve(std::move(with));
  for (const char* path : {"/metrics", "/livez", "/api/v1/snapshot"}) {
    const Answer answer = ask(server->address(), "GET", path);
    CHECK(answer.status() == 500);
    CHECK(answer.body.find("secret") == std::string::npos);
  }
}

TEST_CASE("all addresses are IPv4 and IPv6") {
  for (const std::string listen : {"[::]:0", ":0"}) {
    const auto server = serve(handlers(), listen);
    if (!server->address().starts_with("[::]:")) {
      WARN("skipped: this kernel has no IPv6, " << server->address());
      return;
    }
    const std::string port = server->address().substr(4);
    CHECK(ask("127.0.0.1" + port, "GET", "/livez").status() == 200);
    CHECK(ask("[::1]" + port, "GET", "/livez").status() == 200);
  }
  CHECK(message("[::1]:0").starts_with("listens on [::1]:"));
}

TEST_CASE("an address that cannot be listened on is explained") {
  const auto server = serve();
  const std::string taken = message(server->address());
  CHECK(taken == "cannot listen on " + server->address() +
                     ": Address already in use (something else uses the port: choose another "
                     "with --listen or the key listen)");
  CHECK(message("192.0.2.1:0").find("this machine has no such address") != std::string::npos);
  CHECK(message("").find("no port") != std::string::npos);
  CHECK(message("localhost").find("no port") != std::string::npos);
  CHECK(message("localhost:80").find("\"localhost\" is not an IP address") != std::string::npos);
  CHECK(message("::1:80").find("needs brackets") != std::string::npos);
  CHECK(message("[127.0.0.1]:80").find("brackets are for IPv6") != std::string::npos);
  for (const char* port : {"", "65536", "-1", "80x", "http", " 80"}) {
    CAPTURE(port);
    CHECK(message("127.0.0.1:" + std::string(port)).find("the port is not a number") !=
          std::string::npos);
  }
  CHECK(message("nonsense:1").find("127.0.0.1:9976") != std::string::npos);
}
