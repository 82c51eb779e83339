// SPDX-License-Identifier: Apache-2.0
// Answers that are not known yet: who asked is kept waiting, and harms nobody.
#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "export/http_server.h"
#include "export_http_client.h"

using namespace throttlelens;
using namespace throttlelens::testing;
using namespace std::chrono_literals;

namespace {

/// Says `known_in` as long as `known` is false.
struct Oracle {
  std::chrono::nanoseconds known_in;
  std::atomic<bool> known{false};
  std::atomic<int> calls{0};

  HttpResponse answer(std::string_view query) {
    ++calls;
    if (known) return {.body = "answer to " + std::string(query) + "\n"};
    return {.status = 503, .body = "not yet\n", .known_in = known_in};
  }
  void wait_for_calls(int count) const {
    while (calls < count) std::this_thread::yield();
  }
};

std::unique_ptr<HttpServer> serve(Oracle& oracle, HttpServerOptions options = {}) {
  options.listen = "127.0.0.1:0";
  const auto alive = [] { return HttpResponse{.body = "alive\n"}; };
  auto server = HttpServer::start(
      options, {.metrics = alive,
                .snapshot = [&oracle](std::string_view query) { return oracle.answer(query); },
                .livez = alive,
                .readyz = alive,
                .index = alive});
  if (!server) FAIL(server.error().message());
  return std::move(*server);
}

}  // namespace

TEST_CASE("an answer that is not known yet is waited for, and asked for again") {
  Oracle oracle{.known_in = 20ms};
  const auto server = serve(oracle);
  Client client(server->address());
  client.send(request("GET", "/api/v1/snapshot?a"));
  oracle.wait_for_calls(3);
  CHECK_FALSE(client.readable_within(0));
  // Meanwhile others are answered, by the same thread too.
  CHECK(ask(server->address(), "GET", "/livez").body == "alive\n");
  CHECK(ask(server->address(), "GET", "/metrics").body == "alive\n");
  oracle.known = true;
  const Answer answer = parse(client.receive());
  CHECK(answer.status() == 200);
  CHECK(answer.body == "answer to a\n");
  CHECK(answer.head.find("Retry-After") == std::string::npos);
}

TEST_CASE("beyond the places to wait it is said when to come again") {
  Oracle oracle{.known_in = 2min + 1ms};
  HttpServerOptions options;
  options.max_waiting = 2;
  auto server = serve(oracle, options);
  std::list<Client> waiting;
  for (int i = 0; i < 2; ++i) {
    waiting.emplace_back(server->address()).send(request("GET", "/api/v1/snapshot?early"));
    oracle.wait_for_calls(i + 1);
  }
  // The handler has been called, but the second may not have its place yet: only a third that asks
  // after an answer to something else has come surely finds both taken.
  CHECK(ask(server->address(), "GET", "/metrics").body == "alive\n");
  const Answer late = ask(server->address(), "GET", "/api/v1/snapshot?late");
  CHECK(late.status() == 503);
  CHECK(late.body == "not yet\n");
  CHECK(late.has("Retry-After: 121"));
  for (Client& client : waiting) CHECK_FALSE(client.readable_within(0));

  SECTION("a server that ends says so to those who wait") {
    server.reset();
    for (Client& client : waiting) {
      const Answer answer = parse(client.receive());
      CHECK(answer.status() == 503);
      CHECK(answer.body == "not yet\n");
    }
  }
  SECTION("those who left while they waited harm nobody") {
    waiting.clear();
    CHECK(ask(server->address(), "GET", "/livez").body == "alive\n");
    server.reset();
  }
}

TEST_CASE("the time of those who wait for an answer stands still") {
  Oracle oracle{.known_in = 1500ms};
  HttpServerOptions options;
  options.request_deadline_seconds = 1;
  options.connection_timeout_seconds = 1;
  const auto server = serve(oracle, options);
  Client client(server->address());
  client.send(request("GET", "/api/v1/snapshot?b"));
  oracle.wait_for_calls(1);
  oracle.known = true;
  CHECK(parse(client.receive()).body == "answer to b\n");
}
