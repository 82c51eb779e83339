// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include <catch2/catch.hpp>

#include "timeline_batches.h"

namespace throttlelens::test {
namespace {

using Values = std::vector<std::optional<Nanoseconds>>;
constexpr std::optional<Nanoseconds> kAbsent = std::nullopt;

TEST_CASE("history has a value where the window was seen, and none elsewhere") {
  Timeline timeline({});
  idle(timeline, 98, 100);
  timeline.apply(with_appeared(window(100, {{kA, 7us}}), kA));
  timeline.apply(window(101));
  timeline.apply(gap(102, 1, {{kA, 9us}}));
  timeline.apply(window(103, {{kA, 3us}}));
  CHECK(read_used(timeline, kA, 99, 6) == Values{kAbsent, 7us, 0us, kAbsent, 3us, kAbsent});
  CHECK(read_used(timeline, kB, 99, 2) == Values{kAbsent, kAbsent});
  CHECK(read_used(timeline, kA, std::numeric_limits<WindowIndex>::max(), 2) ==
        Values{kAbsent, kAbsent});
  CHECK(read_used(timeline, kA, 99, 0).empty());
}

TEST_CASE("history goes back as far as it was asked to") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(100, {{kA, 1us}}), kA));
  for (WindowIndex i = 101; i < 3100; ++i) timeline.apply(window(i, {{kA, Nanoseconds(i * 1000)}}));
  CHECK(read_used(timeline, kA, 100, 1) == Values{1us});
  timeline.apply(window(3100, {{kA, 5us}}));
  CHECK(read_used(timeline, kA, 100, 2) == Values{kAbsent, 101us});
  for (WindowIndex i = 3101; i < 9000; ++i)
    timeline.apply(window(i, {{kA, Nanoseconds(i * 1000)}}));
  const Values all = read_used(timeline, kA, 6000, 3000);
  for (std::size_t i = 0; i < all.size(); ++i) {
    REQUIRE(all[i] == Nanoseconds(static_cast<std::int64_t>(6000 + i) * 1000));
  }
}

TEST_CASE("what rounding cuts off is not lost") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(0), kA));
  Nanoseconds exact{0};
  Nanoseconds kept{0};
  for (WindowIndex i = 1; i <= 1000; ++i) {
    const Nanoseconds used(static_cast<std::int64_t>(i * 7919 % 2500));
    timeline.apply(window(i, {{kA, used}}));
    exact += used;
    kept += read_used(timeline, kA, i, 1).front().value();
    REQUIRE(exact - kept >= 0ns);
    REQUIRE(exact - kept < 1us);
  }
}

TEST_CASE("a value beyond the cell is cut, not wrapped") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(0, {{kA, 5000s}}), kA));
  timeline.apply(window(1, {{kA, Nanoseconds::max()}, {kA, Nanoseconds::max()}}));
  const Nanoseconds most = std::chrono::microseconds(std::numeric_limits<std::uint32_t>::max());
  CHECK(read_used(timeline, kA, 0, 2) == Values{most, most});
}

TEST_CASE("memory of a cgroup: a promise of the README") {
  Timeline timeline({});
  timeline.apply(with_appeared(with_appeared(window(0), kA), kB));
  CHECK(timeline.bytes(kA) < 400);
  std::uint32_t noise = 1;
  WindowIndex index = 1;
  for (; index < 10'000; ++index) {
    noise = noise * 1664525 + 1013904223;
    timeline.apply(window(index, {{kA, Nanoseconds(noise % 100'000'000)}}));
  }
  CHECK(timeline.bytes(kA) > 12'000);
  CHECK(timeline.bytes(kA) < 16'000);
  CHECK(timeline.bytes(kB) < 400);

  // Five minutes and half a minute after it last ran, all that grew is given back.
  idle(timeline, index, index + 3000 + 64 + 300);
  CHECK(timeline.bytes(kA) < 1'600);
}

TEST_CASE("a short run in a long sleep costs one chunk") {
  Timeline timeline({});
  timeline.apply(with_appeared(window(0, {{kA, 1ms}}), kA));
  const std::size_t once = timeline.bytes(kA);
  idle(timeline, 1, 2000);
  timeline.apply(window(2000, {{kA, 1ms}}));
  CHECK(timeline.bytes(kA) - once < 400);
  CHECK(read_used(timeline, kA, 0, 1) == Values{1ms});
  CHECK(read_used(timeline, kA, 2000, 1) == Values{1ms});
}

}  // namespace
}  // namespace throttlelens::test
