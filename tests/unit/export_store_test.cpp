// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "export/snapshot_store.h"
#include "export_samples.h"

using namespace throttlelens;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<const Snapshot> numbered(WindowIndex window) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->last_window = window;
  return snapshot;
}

}  // namespace

TEST_CASE("an empty store has nothing and wants nothing") {
  SnapshotStore store;
  CHECK(store.latest() == nullptr);
  CHECK_FALSE(store.wanted());
  CHECK(store.fresh(0ns) == nullptr);
  CHECK(store.wanted());
}

TEST_CASE("a wish lasts until the next snapshot") {
  SnapshotStore store;
  store.publish(numbered(1));
  CHECK(store.latest()->last_window == 1);
  CHECK_FALSE(store.wanted());
  // Nobody publishes: the newest there is.
  CHECK(store.fresh(-1ns)->last_window == 1);
  CHECK(store.wanted());
  store.publish(numbered(2));
  CHECK_FALSE(store.wanted());
  CHECK(store.latest()->last_window == 2);
}

TEST_CASE("many waiting readers all get what is published after they asked") {
  SnapshotStore store;
  store.publish(numbered(0));
  std::atomic<WindowIndex> published{0};
  std::atomic<unsigned> running{8};
  std::atomic<unsigned> stale{0};
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < 8; ++i) {
    readers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        const WindowIndex before = published.load();
        // The longest wait there is: the test hangs rather than lies if a wish gets lost.
        const auto snapshot = store.fresh(Nanoseconds::max());
        if (snapshot->last_window <= before) ++stale;
      }
      --running;
    });
  }
  for (WindowIndex window = 1; running.load() > 0;) {
    if (store.wanted()) {
      store.publish(numbered(window));
      published.store(window++);
    } else {
      std::this_thread::yield();
    }
  }
  for (std::thread& reader : readers) reader.join();
  CHECK(stale.load() == 0);
}
