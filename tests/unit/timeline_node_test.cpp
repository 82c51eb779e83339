// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "timeline_batches.h"

namespace throttlelens::test {
namespace {

WindowBatch node(WindowIndex index, std::uint32_t cpus, std::optional<Nanoseconds> busy,
                 std::optional<Nanoseconds> idle_time) {
  WindowBatch batch = window(index);
  batch.node = {.cpus_online = cpus, .busy = busy, .idle = idle_time};
  return batch;
}

TEST_CASE("the node's windows add up like any other") {
  Timeline timeline({});
  CHECK(timeline.read().node.size() == 3);
  CHECK_FALSE(timeline.read().node[k100ms].busy);
  for (WindowIndex i = 100; i < 110; ++i) timeline.apply(node(i, 2, 50ms, 150ms));
  timeline.apply(node(110, 2, 200ms, 0ms));
  const auto windows = timeline.read().node;
  CHECK(windows[k100ms].busy == 200ms);
  CHECK(windows[k100ms].idle_ratio == 0.0);
  CHECK(windows[k1s].length == 1s);
  CHECK(windows[k1s].busy == 500ms);
  CHECK(windows[k1s].idle_ratio.value() == Approx(0.75));
  CHECK_FALSE(windows[k5s].busy);
  CHECK_FALSE(windows[k5s].idle_ratio);
}

TEST_CASE("the idle ratio is absent when any of its windows does not know") {
  Timeline timeline({});
  for (WindowIndex i = 100; i < 110; ++i) {
    timeline.apply(node(i, 2, 50ms, i == 105 ? std::nullopt : std::optional(150ms)));
  }
  CHECK(timeline.read().node[k1s].busy == 500ms);
  CHECK_FALSE(timeline.read().node[k1s].idle_ratio);
  timeline.apply(node(110, 0, 50ms, 10ms));
  CHECK_FALSE(timeline.read().node[k100ms].idle_ratio);
}

TEST_CASE("busy time is absent when any of its windows does not know, and idle time is not") {
  Timeline timeline({});
  for (WindowIndex i = 100; i < 110; ++i) {
    timeline.apply(node(i, 2, i == 105 ? std::nullopt : std::optional(50ms), 150ms));
    CHECK(timeline.read().node[k100ms].busy.has_value() == (i != 105));
  }
  CHECK_FALSE(timeline.read().node[k1s].busy);
  CHECK(timeline.read().node[k1s].idle_ratio.value() == Approx(0.75));
  for (WindowIndex i = 110; i < 120; ++i) timeline.apply(node(i, 2, 0ms, 150ms));
  CHECK(timeline.read().node[k1s].busy == 0ms);
}

TEST_CASE("the idle ratio follows CPUs that come and go, and stays a ratio") {
  Timeline timeline({});
  for (WindowIndex i = 100; i < 105; ++i) timeline.apply(node(i, 1, 0ms, 100ms));
  for (WindowIndex i = 105; i < 110; ++i) timeline.apply(node(i, 3, 0ms, 0ms));
  CHECK(timeline.read().node[k1s].idle_ratio.value() == Approx(0.25));
  timeline.apply(node(110, 1, 0ms, 101ms));
  CHECK(timeline.read().node[k100ms].idle_ratio == 1.0);
  timeline.apply(node(111, 1, -5ms, -5ms));
  CHECK(timeline.read().node[k100ms].idle_ratio == 0.0);
  CHECK(timeline.read().node[k100ms].busy == 0ms);
}

TEST_CASE("the node's windows are absent when missed") {
  Timeline timeline({});
  for (WindowIndex i = 100; i < 115; ++i) timeline.apply(node(i, 2, 50ms, 150ms));
  timeline.apply(gap(115, 1));
  CHECK_FALSE(timeline.read().node[k100ms].busy);
  CHECK(timeline.read().node[k1s].busy == 500ms);
  for (WindowIndex i = 116; i < 120; ++i) timeline.apply(node(i, 2, 50ms, 150ms));
  CHECK(timeline.read().node[k100ms].busy == 50ms);
  CHECK_FALSE(timeline.read().node[k1s].busy);
}

}  // namespace
}  // namespace throttlelens::test
