// SPDX-License-Identifier: Apache-2.0
// What the endpoints answer before there is a snapshot, with one, and when it grows old.
#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include "cli/logging.h"
#include "endpoints.h"
#include "export_samples.h"

using namespace throttlelens;
using namespace std::chrono_literals;

namespace {

class StillClock final : public Clock {
 public:
  explicit StillClock(MonoTime now) : now_(now) {}
  MonoTime now() const override { return now_; }
  void set(MonoTime now) { now_ = now; }

 private:
  MonoTime now_;
};

constexpr Nanoseconds kBase = 100ms;

/// Endpoints of a daemon whose sampler is this test.
struct Daemon {
  Endpoints endpoints() {
    return {store, health, clock, {}, kBase, 50000, make_logger(Config::Log{})};
  }
  void publish(const std::string& kernel, Nanoseconds taken) {
    auto snapshot = std::make_shared<Snapshot>(samples::full_snapshot());
    snapshot->probe.kernel = kernel;
    snapshot->taken = {taken};
    store.publish(std::move(snapshot));
    health.set_ready();
  }

  StillClock clock{MonoTime{100s}};
  Health health{MonoTime{100s}, kBase};
  SnapshotStore store;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("before the first window there is no snapshot, for the reason that readyz tells") {
  Daemon daemon;
  Endpoints endpoints = daemon.endpoints();
  const HttpHandlers handlers = endpoints.handlers();
  const HttpResponse answer = handlers.snapshot("");
  CHECK(answer.status == 503);
  CHECK(answer.body == "no snapshot: the first window is not completed yet\n");
  CHECK(answer.content_type == "text/plain; charset=utf-8");
  CHECK(handlers.metrics().body == "no metrics: the first window is not completed yet\n");
  CHECK(handlers.readyz().body == "not ready: the first window is not completed yet\n");
  // A question that is wrong is wrong then, too.
  CHECK(handlers.snapshot("top=0").status == 400);
}

TEST_CASE("a snapshot is answered as JSON, chosen as asked for") {
  Daemon daemon;
  daemon.publish("6.1.0", 100s);
  Endpoints endpoints = daemon.endpoints();
  const HttpHandlers handlers = endpoints.handlers();
  const HttpResponse all = handlers.snapshot("");
  CHECK(all.status == 200);
  CHECK(all.content_type == "application/json");
  CHECK(contains(all.body, "\"container\":\"app\""));
  CHECK(contains(all.body, "\"container\":\"web\""));
  const HttpResponse some = handlers.snapshot("namespace=shop");
  CHECK(contains(some.body, "\"container\":\"app\""));
  CHECK_FALSE(contains(some.body, "\"container\":\"web\""));
  const HttpResponse wrong = handlers.snapshot("color=red");
  CHECK(wrong.status == 400);
  CHECK(wrong.content_type == "text/plain; charset=utf-8");
  CHECK(wrong.body == "no parameter is called 'color'; known: format, namespace, pod, top\n");
}

TEST_CASE("a snapshot within the base window is the newest there is; for an older one it waits") {
  Daemon daemon;
  daemon.publish("old", 100s);
  Endpoints endpoints = daemon.endpoints();
  const HttpHandlers handlers = endpoints.handlers();
  daemon.clock.set({100s + kBase - 1ns});
  CHECK(contains(handlers.snapshot("").body, "\"old\""));
  CHECK_FALSE(daemon.store.wanted());

  daemon.clock.set({100s + kBase});
  std::atomic<bool> answered{false};
  std::thread sampler([&] {
    while (!daemon.store.wanted() && !answered) std::this_thread::yield();
    daemon.publish("new", 100s + kBase);
  });
  const HttpResponse answer = handlers.snapshot("");
  answered = true;
  sampler.join();
  CHECK(contains(answer.body, "\"new\""));
}

TEST_CASE("a snapshot that no longer changes is not shown") {
  Daemon daemon;
  daemon.publish("6.1.0", 100s);
  Endpoints endpoints = daemon.endpoints();
  daemon.clock.set({107s});
  const HttpResponse answer = endpoints.handlers().snapshot("");
  CHECK(answer.status == 503);
  CHECK(answer.body == "no snapshot: the sampler has not collected a window for 7 s\n");
}
