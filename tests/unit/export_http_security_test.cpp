// SPDX-License-Identifier: Apache-2.0
// Who is let in by the server; TLS itself is held against others' clients in tests/e2e/web_test.py.
#include <atomic>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "export/http_server.h"
#include "export_http_client.h"

using namespace throttlelens;
using namespace throttlelens::testing;

namespace {

// Of "right" and of "other", with the lowest cost there is.
const std::string kRight = "$2y$04$zL1.iKgG.kHaH8Ej9yLbbO.srGtsaIBR7odTvpPcAvUwIi3grkweC";
const std::string kOther = "$2y$04$YsHaW6COb9GNnRdtJb0NYupegm5x9vvzrSo2hcsd9YhV5ssi49n5u";
const std::string kAliceRight = "Authorization: Basic YWxpY2U6cmlnaHQ=\r\n";
const std::string kAliceOther = "Authorization: Basic YWxpY2U6b3RoZXI=\r\n";
const std::string kBobRight = "Authorization: Basic Ym9iOnJpZ2h0\r\n";

std::unique_ptr<HttpServer> serve(HttpSecurity security, std::atomic<int>* scrapes = nullptr) {
  const auto page = [] { return HttpResponse{.body = "page\n"}; };
  auto server = HttpServer::start({.listen = "127.0.0.1:0", .security = std::move(security)},
                                  {.metrics =
                                       [scrapes] {
                                         if (scrapes != nullptr) ++*scrapes;
                                         return HttpResponse{.body = "numbers\n"};
                                       },
                                   .snapshot = [](std::string_view) { return HttpResponse{}; },
                                   .livez = page,
                                   .readyz = page,
                                   .index = page});
  if (!server) FAIL(server.error().message());
  return std::move(*server);
}

HttpSecurity alice() {
  return {.tls = {}, .users = {{.name = "alice", .hash = kRight}}, .headers = {}};
}

int status(const HttpServer& server, const char* path, const std::string& headers) {
  return ask(server.address(), "GET", path, headers).status();
}

}  // namespace

TEST_CASE("only who has the password sees anything; health is for everybody") {
  std::atomic<int> scrapes = 0;
  const auto server = serve(alice(), &scrapes);
  for (const std::string& headers :
       {std::string(), kAliceOther, kBobRight, std::string("Authorization: Basic\r\n")}) {
    for (const auto* const path : {"/metrics", "/", "/nowhere", "/api/v1/snapshot"}) {
      const Answer answer = ask(server->address(), "GET", path, headers);
      CHECK(answer.status() == 401);
      CHECK(answer.has("WWW-Authenticate: Basic realm=\"throttlelens\", charset=\"UTF-8\""));
    }
    for (const auto* const path : {"/livez", "/readyz", "/healthz"}) {
      CHECK(status(*server, path, headers) == 200);
    }
  }
  CHECK(scrapes == 0);
  for (int i = 0; i < 3; ++i) {
    CHECK(ask(server->address(), "GET", "/metrics", kAliceRight).body == "numbers\n");
    CHECK(status(*server, "/", kAliceRight) == 200);
    CHECK(status(*server, "/nowhere", kAliceRight) == 404);
    CHECK(ask(server->address(), "POST", "/", kAliceRight).status() == 405);
  }
  CHECK(ask(server->address(), "POST", "/", "Content-Length: 5\r\n").status() == 401);
}

TEST_CASE("users are replaced while it runs, and what was right once is forgotten") {
  const auto server = serve(alice());
  CHECK(status(*server, "/metrics", kAliceRight) == 200);
  CHECK(status(*server, "/metrics", kAliceOther) == 401);
  REQUIRE(server->replace_security(
      {.tls = {}, .users = {{.name = "alice", .hash = kOther}}, .headers = {}}));
  CHECK(status(*server, "/metrics", kAliceRight) == 401);
  CHECK(status(*server, "/metrics", kAliceOther) == 200);
  REQUIRE(server->replace_security({.tls = {}, .users = {}, .headers = {}}));
  CHECK(status(*server, "/metrics", "") == 200);
}

TEST_CASE("what does not fit changes nothing") {
  const auto server = serve(alice());
  HttpSecurity wanted = alice();
  wanted.tls = HttpTls{};
  wanted.users.clear();
  const auto replaced = server->replace_security(wanted);
  REQUIRE_FALSE(replaced);
  CHECK(replaced.error().message().contains("cannot use the certificate and the key"));
  CHECK_FALSE(check_security(wanted));
  CHECK(check_security(alice()));
  CHECK(status(*server, "/metrics", "") == 401);
  CHECK(status(*server, "/metrics", kAliceRight) == 200);
}

TEST_CASE("a server is not started with a certificate that is none") {
  HttpSecurity wanted;
  wanted.tls = HttpTls{.certificate = "x", .key = "y", .client_ca = ""};
  CHECK_FALSE(HttpServer::start({.listen = "127.0.0.1:0", .security = wanted}, {}));
}

TEST_CASE("headers of the administrator are in every answer, once") {
  HttpSecurity wanted = alice();
  wanted.headers = {{.name = "Strict-Transport-Security", .value = "max-age=1"},
                    {.name = "X-Content-Type-Options", .value = "nosniff"}};
  const auto server = serve(wanted);
  for (const auto* const path : {"/metrics", "/livez", "/"}) {
    for (const std::string& headers :
         {std::string(), kAliceRight, kAliceRight + "Accept-Encoding: gzip\r\n"}) {
      const Answer answer = ask(server->address(), "GET", path, headers);
      CHECK(answer.has("Strict-Transport-Security: max-age=1"));
      const std::size_t first = answer.head.find("X-Content-Type-Options: nosniff");
      REQUIRE(first != std::string::npos);
      CHECK(answer.head.find("X-Content-Type-Options", first + 1) == std::string::npos);
    }
  }
}

TEST_CASE("it ends while passwords wait to be checked") {
  auto server = serve({.tls = {},
                       // About a quarter of a second each.
                       .users = {{.name = "alice", .hash = "$2y$12" + kRight.substr(6)}},
                       .headers = {}});
  std::list<Client> waiting;
  for (int i = 0; i < 10; ++i) {
    waiting.emplace_back(server->address());
    waiting.back().send(request(
        "GET", "/metrics",
        "Authorization: Basic YWxpY2U6" + std::string(1, static_cast<char>('A' + i)) + "WFh\r\n"));
  }
  CHECK(status(*server, "/livez", "") == 200);
  server.reset();
  for (Client& client : waiting) {
    const int said = parse(client.receive()).status();
    CHECK((said == 401 || said == 503 || said == 0));
    CHECK(client.ended);
  }
}

TEST_CASE("many ask with good and bad passwords while users change") {
  const auto server = serve(alice());
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 10; ++k) {
        if (i % 2 == 0) {
          if (status(*server, "/metrics", kAliceRight) == 200) ++good;
        } else {
          (void)status(*server, "/metrics", kBobRight);
        }
      }
    });
  }
  HttpSecurity two = alice();
  two.users.push_back({.name = "carol", .hash = kOther});
  for (int k = 0; k < 20; ++k) CHECK(server->replace_security(k % 2 == 0 ? two : alice()));
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 40);
}

TEST_CASE("a server that ends answers those whose passwords are still to be checked") {
  auto server = serve(alice());
  std::list<Client> clients;
  for (const char* const login : {"YWxpY2U6YQ==", "YWxpY2U6Yg==", "YWxpY2U6Yw==", "YWxpY2U6ZA=="}) {
    clients.emplace_back(server->address())
        .send(request("GET", "/metrics", "Authorization: Basic " + std::string(login) + "\r\n"));
  }
  // All have been read once one that came after them is answered.
  CHECK(status(*server, "/livez", "") == 200);
  server.reset();
  for (Client& client : clients) {
    const int answer = parse(client.receive()).status();
    CHECK((answer == 401 || answer == 503));
  }
}
