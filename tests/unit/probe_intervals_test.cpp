// SPDX-License-Identifier: Apache-2.0
#include <bitset>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

#include "intervals.h"

using namespace throttlelens;

namespace {

Interval between(int begin, int end) {
  return {.begin = Nanoseconds(begin), .end = Nanoseconds(end)};
}

using Intervals = std::vector<Interval>;

Intervals united(Intervals intervals) {
  unite(intervals);
  return intervals;
}

// One bit per nanosecond.
constexpr int kLength = 128;
using Bits = std::bitset<kLength>;

Bits bits_of(const Intervals& intervals) {
  Bits bits;
  for (const Interval& interval : intervals) {
    for (auto at = interval.begin; at < interval.end; at += Nanoseconds(1))
      bits.set(static_cast<std::size_t>(at.count()));
  }
  return bits;
}

Intervals random_intervals(std::mt19937& random) {
  std::uniform_int_distribution<int> count(0, 12);
  std::uniform_int_distribution<int> place(0, kLength);
  Intervals result;
  for (int n = count(random); n > 0; --n)
    result.push_back(between(place(random), place(random)));  // half of them end before they begin
  return result;
}

}  // namespace

TEST_CASE("intervals that overlap or touch become one, in order") {
  CHECK(united({}) == Intervals{});
  CHECK(united({between(5, 9), between(1, 3)}) == Intervals{between(1, 3), between(5, 9)});
  CHECK(united({between(1, 5), between(3, 9)}) == Intervals{between(1, 9)});
  CHECK(united({between(5, 9), between(1, 5)}) == Intervals{between(1, 9)});
  CHECK(united({between(1, 9), between(3, 5), between(8, 10)}) == Intervals{between(1, 10)});
}

TEST_CASE("intervals of no length, or that end before they begin, are none") {
  CHECK(united({between(4, 4)}) == Intervals{});
  CHECK(united({between(6, 4), between(1, 2)}) == Intervals{between(1, 2)});
}

TEST_CASE("what two sets of intervals have in common") {
  const Intervals some{between(0, 10), between(20, 30), between(40, 50)};
  CHECK(overlap(some, {}) == Nanoseconds(0));
  CHECK(overlap({}, some) == Nanoseconds(0));
  CHECK(overlap(some, some) == Nanoseconds(30));
  CHECK(overlap(some, Intervals{between(10, 20)}) == Nanoseconds(0));  // they touch only
  CHECK(overlap(some, Intervals{between(5, 45)}) == Nanoseconds(5 + 10 + 5));
  CHECK(overlap(Intervals{between(5, 45)}, some) == Nanoseconds(5 + 10 + 5));
  CHECK(overlap(some, Intervals{between(1, 2), between(3, 4), between(9, 21), between(49, 60)}) ==
        Nanoseconds(1 + 1 + 2 + 1));
}

TEST_CASE("random intervals are as a bitmap has them") {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    INFO("round " << round);
    const Intervals one = random_intervals(random);
    const Intervals other = random_intervals(random);
    const Intervals a = united(one);
    const Intervals b = united(other);
    REQUIRE(bits_of(a) == bits_of(one));
    for (std::size_t i = 0; i < a.size(); ++i) {
      REQUIRE(a[i].begin < a[i].end);
      if (i > 0) REQUIRE(a[i - 1].end < a[i].begin);
    }
    const auto expected = static_cast<std::int64_t>((bits_of(one) & bits_of(other)).count());
    REQUIRE(overlap(a, b) == Nanoseconds(expected));
    REQUIRE(overlap(b, a) == Nanoseconds(expected));
  }
}
