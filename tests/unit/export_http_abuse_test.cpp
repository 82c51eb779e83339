// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "export/http_server.h"
#include "export_http_client.h"

using namespace throttlelens;
using namespace throttlelens::testing;

namespace {

/// A metrics handler that waits until it is let through, and counts.
class Gate {
 public:
  HttpResponse pass() {
    std::unique_lock lock(mutex_);
    ++calls_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    return {.status = 200, .body = "metrics\n"};
  }
  void wait_for_call() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return calls_ > 0; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  int calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int calls_ = 0;
};

HttpServerOptions roomy() {
  HttpServerOptions options;
  options.listen = "127.0.0.1:0";
  options.max_connections = 256;
  options.max_connections_per_address = 256;
  return options;
}

std::unique_ptr<HttpServer> serve(const HttpServerOptions& options,
                                  std::function<HttpResponse()> metrics) {
  const auto alive = [] { return HttpResponse{.status = 200, .body = "alive\n"}; };
  auto server = HttpServer::start(
      options, {.metrics = std::move(metrics), .livez = alive, .readyz = alive, .index = alive});
  if (!server) FAIL(server.error().message());
  return std::move(*server);
}

HttpResponse small() {
  return {.status = 200, .body = "metrics\n"};
}

}  // namespace

TEST_CASE("what follows a request on the same connection is not understood") {
  std::atomic<int> calls{0};
  const auto server = serve(roomy(), [&calls] {
    ++calls;
    return small();
  });
  const auto count = [](const std::string& text, const std::string& what) {
    std::size_t n = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
      ++n;
    }
    return n;
  };
  for (const std::string& more :
       {request("GET", "/metrics"), std::string("\xff\0garbage", 9), std::string("\r\n\r\n\r\n")}) {
    Client client(server->address());
    const int before = calls;
    client.send(request("GET", "/metrics") + more);
    const std::string all = client.receive();
    CHECK(client.ended);
    // Unread bytes make the kernel reset the connection, which may swallow the answer.
    CHECK(count(all, "HTTP/1.1") <= 1);
    CHECK(calls - before <= 1);
  }
  // A body that never comes is not waited for.
  Client client(server->address());
  client.send(request("GET", "/metrics", "Content-Length: 1000000000\r\n"));
  CHECK(parse(client.receive()).status() == 200);
}

TEST_CASE("garbage is refused") {
  const auto server = serve(roomy(), small);
  for (const std::string& bytes :
       {std::string("\0\0\0\0\r\n\r\n", 8), std::string("GET\r\n\r\n"),
        std::string("GET /metrics HTTP/9.9\r\n\r\n"), std::string("\r\n\r\n\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15),
        std::string("GET /metrics HTTP/1.1\r\n\r\n"),  // no Host
        std::string("GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                    "Content-Length: 3\r\n\r\nzz\r\n")}) {
    CAPTURE(bytes);
    Client client(server->address());
    client.send(bytes);
    // Some of it is a request that is not complete: the client gives up first.
    (void)client.readable_within(50);
  }
  CHECK(ask(server->address(), "GET", "/livez").status() == 200);
  CHECK(parse([&] {
          Client client(server->address());
          client.send("GET /metrics HTTP/1.1\r\n\r\n");
          return client.receive();
        }())
            .status() == 400);
}

TEST_CASE("a header of a megabyte is cut off") {
  std::atomic<int> calls{0};
  const auto server = serve(roomy(), [&calls] {
    ++calls;
    return small();
  });
  for (const std::string& start :
       {std::string("GET /metrics HTTP/1.1\r\nHost: a\r\nX: "), std::string("GET /metrics?"),
        std::string("GET /metrics HTTP/1.1\r\nHost: a\r\n")}) {
    Client client(server->address());
    const std::string line = start.ends_with("\r\n") ? "A: b\r\n" : "aaaaaa";
    std::string bytes = start;
    while (bytes.size() < 1'000'000) bytes += line;
    client.send(bytes + "\r\n\r\n");
    const Answer answer = parse(client.receive());
    CHECK(client.ended);
    CHECK(answer.status() != 200);
  }
  CHECK(calls == 0);
  CHECK(ask(server->address(), "GET", "/livez").status() == 200);
}

TEST_CASE("a client that says nothing is cut off") {
  HttpServerOptions options = roomy();
  options.connection_timeout_seconds = 1;
  const auto server = serve(options, small);
  Client silent(server->address());
  Client unfinished(server->address());
  unfinished.send("GET /metrics HTTP/1.1\r\nHo");
  (void)silent.receive();
  CHECK(silent.ended);
  (void)unfinished.receive();
  CHECK(unfinished.ended);
}

TEST_CASE("a client that trickles is cut off") {
  HttpServerOptions options = roomy();
  options.connection_timeout_seconds = 100;
  options.request_deadline_seconds = 1;
  const auto server = serve(options, small);
  Client client(server->address());
  client.send("GET /metrics HTTP/1.1\r\n");
  const auto start = std::chrono::steady_clock::now();
  while (!client.readable_within(20) && client.send("a")) {
  }
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
  (void)client.receive();
  CHECK(client.ended);
  CHECK(ask(server->address(), "GET", "/metrics").status() == 200);
}

TEST_CASE("a slow reader keeps nobody") {
  // More than the kernel takes off the server's hands.
  const std::string large(32 << 20, 'x');
  const auto server =
      serve(roomy(), [&large] { return HttpResponse{.status = 200, .body = large}; });
  Client slow(server->address());
  slow.send(request("GET", "/metrics"));
  REQUIRE(slow.readable_within(10'000));
  CHECK(ask(server->address(), "GET", "/livez").body == "alive\n");
  CHECK(ask(server->address(), "GET", "/metrics").body.size() == large.size());
  CHECK(parse(slow.receive()).body.size() == large.size());
}

TEST_CASE("a reader that does not read is cut off") {
  HttpServerOptions options = roomy();
  options.connection_timeout_seconds = 100;
  options.request_deadline_seconds = 1;
  const std::string large(32 << 20, 'x');
  const auto server =
      serve(options, [&large] { return HttpResponse{.status = 200, .body = large}; });
  Client slow(server->address());
  slow.send(request("GET", "/metrics"));
  REQUIRE(slow.readable_within(10'000));
  // Others keep the time until the deadline is certainly over.
  const auto over = std::chrono::steady_clock::now() + std::chrono::milliseconds(1500);
  while (std::chrono::steady_clock::now() < over) {
    REQUIRE(ask(server->address(), "GET", "/livez").status() == 200);
  }
  CHECK(parse(slow.receive()).body.size() < large.size());
}

TEST_CASE("a metrics handler that waits keeps nobody, and one call answers all") {
  Gate gate;
  const auto server = serve(roomy(), [&gate] { return gate.pass(); });
  Client first(server->address());
  first.send(request("GET", "/metrics"));
  gate.wait_for_call();
  std::list<Client> others;
  for (int i = 0; i < 50; ++i) {
    others.emplace_back(server->address()).send(request("GET", "/metrics"));
  }
  for (int i = 0; i < 5; ++i) CHECK(ask(server->address(), "GET", "/livez").body == "alive\n");
  gate.open();
  CHECK(parse(first.receive()).body == "metrics\n");
  for (Client& other : others) CHECK(parse(other.receive()).body == "metrics\n");
  // Usually 2; a few more if the server had not yet read all of them.
  CHECK(gate.calls() <= 10);
}

TEST_CASE(
    "those who ask different questions each get their own answer, those who ask the same share") {
  Gate gate;
  std::atomic<int> calls{0};
  const auto alive = [] { return HttpResponse{.status = 200, .body = "alive\n"}; };
  auto started = HttpServer::start(roomy(), {.metrics = [&gate] { return gate.pass(); },
                                             .snapshot =
                                                 [&calls](std::string_view query) {
                                                   ++calls;
                                                   return HttpResponse{.body = std::string(query)};
                                                 },
                                             .livez = alive,
                                             .readyz = alive,
                                             .index = alive});
  REQUIRE(started);
  const std::string address = (*started)->address();
  Client first(address);
  first.send(request("GET", "/metrics"));
  gate.wait_for_call();
  constexpr int questions = 4;
  std::list<Client> others;
  for (int i = 0; i < 48; ++i) {
    const std::string query = "top=" + std::to_string(i % questions);
    others.emplace_back(address).send(request("GET", "/api/v1/snapshot?" + query));
    others.emplace_back(address).send(request("GET", "/metrics?" + query));
  }
  for (int i = 0; i < 5; ++i) CHECK(ask(address, "GET", "/livez").body == "alive\n");
  gate.open();
  CHECK(parse(first.receive()).body == "metrics\n");
  int i = 0;
  for (auto other = others.begin(); other != others.end(); ++i) {
    CHECK(parse((other++)->receive()).body == "top=" + std::to_string(i % questions));
    CHECK(parse((other++)->receive()).body == "metrics\n");
  }
  // Usually 4, and 2 of /metrics, whose answer no query changes; a few more if the server had not
  // yet read all of them.
  CHECK(calls.load() <= 16);
  CHECK(gate.calls() <= 10);
}

TEST_CASE("a client that goes away while metrics are made harms nobody") {
  Gate gate;
  const auto server = serve(roomy(), [&gate] { return gate.pass(); });
  {
    Client client(server->address());
    client.send(request("GET", "/metrics"));
    gate.wait_for_call();
  }
  gate.open();
  CHECK(ask(server->address(), "GET", "/metrics").status() == 200);
}

TEST_CASE("200 connections at once") {
  const auto server = serve(roomy(), small);
  std::list<Client> clients;
  for (int i = 0; i < 200; ++i) clients.emplace_back(server->address());
  for (Client& client : clients) {
    client.send(request("GET", "/metrics"));
  }
  int answered = 0;
  for (Client& client : clients) answered += parse(client.receive()).status() == 200 ? 1 : 0;
  CHECK(answered == 200);
}

TEST_CASE("more than max_connections wait for their turn") {
  HttpServerOptions options = roomy();
  options.max_connections = 8;
  const auto server = serve(options, small);
  std::vector<std::thread> threads;
  std::atomic<int> answered{0};
  for (int i = 0; i < 32; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 5; ++j) {
        if (ask(server->address(), "GET", "/metrics").status() == 200) ++answered;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(answered == 160);
}

TEST_CASE("one address has its share of the connections only") {
  HttpServerOptions options = roomy();
  options.max_connections_per_address = 4;
  const auto server = serve(options, small);
  std::list<Client> held;
  for (int i = 0; i < 4; ++i) {
    held.emplace_back(server->address()).send("GET /");
  }
  Client fifth(server->address());
  fifth.send(request("GET", "/livez"));
  CHECK(parse(fifth.receive()).status() == 0);
  held.clear();
  // The server sees the ends when it sees them.
  int status = 0;
  for (int i = 0; i < 1000 && status == 0; ++i) {
    status = ask(server->address(), "GET", "/livez").status();
  }
  CHECK(status == 200);
}

TEST_CASE("the server stops while clients wait, read and connect") {
  Gate gate;
  auto server = serve(roomy(), [&gate] { return gate.pass(); });
  const std::string address = server->address();
  std::list<Client> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(address).send(i % 2 == 0 ? request("GET", "/metrics") : "GET /");
  }
  gate.wait_for_call();
  std::atomic<bool> over{false};
  std::thread more([&] {
    while (!over) (void)ask(address, "GET", "/metrics");
  });
  std::thread opener([&] { gate.open(); });
  server.reset();
  opener.join();
  over = true;
  more.join();
  for (Client& client : clients) {
    (void)client.receive();
    CHECK(client.ended);
  }
  CHECK_FALSE(Client(address).connected());
}
