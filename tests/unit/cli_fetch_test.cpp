// SPDX-License-Identifier: Apache-2.0
// What a client makes of what a daemon, or something else at its address, answers.
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "export/http_server.h"
#include "fetch.h"

using namespace throttlelens;
using namespace std::chrono_literals;

namespace {

std::unique_ptr<HttpServer> serve() {
  const auto plain = [] { return HttpResponse{.body = "plain\n"}; };
  auto server = HttpServer::start(
      {.listen = "127.0.0.1:0"},
      {.metrics = plain,
       .snapshot =
           [](std::string_view query) {
             if (query == "wrong") {
               return HttpResponse{.status = 400, .body = "what is wrong\nand more\n"};
             }
             return HttpResponse{.body = "asked: " + std::string(query) + "\n"};
           },
       .livez = plain,
       .readyz = plain,
       .index = plain});
  REQUIRE(server);
  return std::move(*server);
}

WebUrl url_of(const HttpServer& server) {
  return parse_web_url("http://" + server.address()).value();
}

}  // namespace

TEST_CASE("the body of an answer comes as it was sent, the query goes as it was written") {
  const auto server = serve();
  const auto body = fetch(url_of(*server), "/api/v1/snapshot?namespace=a%26b%20%22&top=3", 5s);
  REQUIRE(body);
  CHECK(*body == "asked: namespace=a%26b%20%22&top=3\n");
}

TEST_CASE("a refusal says what the daemon said") {
  const auto server = serve();
  const auto body = fetch(url_of(*server), "/api/v1/snapshot?wrong", 5s);
  REQUIRE_FALSE(body);
  CHECK_FALSE(body.error().nobody_there);
  CHECK(body.error().error.why == "it says 400: what is wrong");
  CHECK(body.error().error.on == "http://" + server->address());
}

TEST_CASE("where nothing listens, nobody is there") {
  auto server = serve();
  const WebUrl url = url_of(*server);
  server.reset();
  const auto body = fetch(url, "/", 5s);
  REQUIRE_FALSE(body);
  CHECK(body.error().nobody_there);
  CHECK(body.error().error.why == "nobody takes connections there");
}
