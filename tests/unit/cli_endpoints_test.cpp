// SPDX-License-Identifier: Apache-2.0
// What the endpoints answer before there is a snapshot, with one, and when it grows old.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

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
  Endpoints endpoints() { return {store, health, clock, {}, config, make_logger(Config::Log{})}; }
  void publish(const std::string& kernel, Nanoseconds taken,
               std::vector<Nanoseconds> marks = {50s}) {
    auto snapshot = std::make_shared<Snapshot>(samples::full_snapshot());
    auto past = std::make_shared<Marks>();
    for (const Nanoseconds at : marks) {
      Mark mark;
      mark.at = {at};
      past->push_back(std::make_shared<const Mark>(std::move(mark)));
    }
    snapshot->marks = std::move(past);
    snapshot->probe.kernel = kernel;
    snapshot->taken = {taken};
    store.publish(std::move(snapshot));
    health.set_ready();
  }

  const Config config;  // its base window is kBase
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
  CHECK(wrong.body ==
        "no parameter is called 'color'; known: duration, format, namespace, pod, sort, top, "
        "width\n");
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

TEST_CASE("a snapshot looks back as far as was asked for, or tells when it can") {
  Daemon daemon;
  Endpoints endpoints = daemon.endpoints();
  const HttpHandlers handlers = endpoints.handlers();
  daemon.publish("6.1.0", 100s, {95s, 96s});
  CHECK(handlers.snapshot("").status == 200);  // the last 5 s, from the mark at 95 s on
  CHECK(handlers.snapshot("duration=4s").status == 200);

  const HttpResponse longer = handlers.snapshot("duration=30s");
  CHECK(longer.status == 503);
  CHECK(longer.body ==
        "no snapshot of 30 s: only the last 5 s are known; too many wait already, ask again "
        "later\n");
  // 95 s is 30 s ago at 125 s; by then a base window must have ended.
  CHECK(longer.known_in == 25s + kBase);

  daemon.publish("6.1.0", 100s, {});
  const HttpResponse nothing = handlers.snapshot("duration=1s");
  CHECK(nothing.status == 503);
  CHECK(nothing.known_in == 1s + kBase);
}

TEST_CASE("more of the past than is kept is not waited for") {
  Daemon daemon;
  Endpoints endpoints = daemon.endpoints();
  const HttpHandlers handlers = endpoints.handlers();
  daemon.publish("6.1.0", 100s);
  const HttpResponse answer = handlers.snapshot("duration=301s");
  CHECK(answer.status == 400);
  CHECK_FALSE(answer.known_in);
  CHECK(answer.body ==
        "duration is more than the 300 s of history that are kept (windows.history)\n");
  CHECK(handlers.snapshot("duration=300s").status == 503);
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
