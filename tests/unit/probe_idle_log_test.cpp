// SPDX-License-Identifier: Apache-2.0
// When CPUs were idle, read from memory laid out by hand.
#include <numeric>
#include <vector>

#include <catch2/catch.hpp>

#include "idle_log.h"

using namespace throttlelens;

namespace {

using Cpus = std::vector<std::uint32_t>;
using Intervals = std::vector<Interval>;

Interval between(std::int64_t begin, std::int64_t end) {
  return {.begin = Nanoseconds(begin), .end = Nanoseconds(end)};
}

// All CPUs were seen, and run a thread unless a test says otherwise.
struct Memory {
  explicit Memory(std::size_t cpu_count) : cpus(cpu_count), idles(cpu_count * TL_IDLES) {
    for (tl_cpu& cpu : cpus) {
      cpu.task = 0x1000;
      cpu.pid = 7;
    }
  }

  // As the switch program does it: a stretch of idling that ended, by the CPU's own clock.
  void was_idle(std::uint32_t cpu, tl_u64 since, tl_u64 until) {
    idles[cpu * TL_IDLES + cpus[cpu].idles++ % TL_IDLES] = {.since = since, .until = until};
  }

  void is_idle(std::uint32_t cpu, tl_u64 since) {
    cpus[cpu].pid = 0;
    cpus[cpu].since = since;
  }

  Intervals any(const Cpus& online, const Interval& span) {
    const SharedView view{
        .cpus = cpus, .cells = {}, .touched = {}, .running = {}, .idles = idles, .max_slots = 0};
    return any_idle(view, online, span);
  }

  std::vector<tl_cpu> cpus;
  std::vector<tl_idle> idles;
};

}  // namespace

TEST_CASE("stretches of idling are cut to the span asked for") {
  Memory memory(1);
  memory.was_idle(0, 50, 90);
  memory.was_idle(0, 95, 120);
  memory.was_idle(0, 150, 160);
  memory.was_idle(0, 190, 230);
  memory.was_idle(0, 240, 250);
  CHECK(memory.any({0}, between(100, 200)) ==
        Intervals{between(100, 120), between(150, 160), between(190, 200)});
  CHECK(memory.any({0}, between(120, 150)) == Intervals{});
}

TEST_CASE("a CPU's clock may differ from CLOCK_MONOTONIC") {
  Memory memory(2);
  memory.cpus[0].offset_ns = 1000;
  memory.cpus[1].offset_ns = -500;
  memory.was_idle(0, 110, 120);
  memory.is_idle(1, 1680);
  CHECK(memory.any({0, 1}, between(1100, 1200)) ==
        Intervals{between(1110, 1120), between(1180, 1200)});
}

TEST_CASE("a CPU that is idle counts up to the end of the span") {
  Memory memory(1);
  memory.was_idle(0, 110, 120);
  SECTION("since the span began") {
    memory.is_idle(0, 170);
    CHECK(memory.any({0}, between(100, 200)) == Intervals{between(110, 120), between(170, 200)});
  }
  SECTION("since before") {
    memory.is_idle(0, 130);
    CHECK(memory.any({0}, between(140, 200)) == Intervals{between(140, 200)});
  }
  SECTION("since after") {
    memory.is_idle(0, 200);
    CHECK(memory.any({0}, between(100, 200)) == Intervals{between(110, 120)});
  }
}

TEST_CASE("idle is when any of the CPUs is") {
  Memory memory(3);
  memory.was_idle(0, 110, 130);
  memory.was_idle(1, 120, 140);
  memory.was_idle(2, 140, 150);
  memory.was_idle(2, 170, 180);
  CHECK(memory.any({0, 1, 2}, between(100, 200)) ==
        Intervals{between(110, 150), between(170, 180)});
  SECTION("those that are not listed are offline") {
    CHECK(memory.any({0, 1}, between(100, 200)) == Intervals{between(110, 140)});
    CHECK(memory.any({}, between(100, 200)) == Intervals{});
  }
  SECTION("those that do not exist are ignored") {
    CHECK(memory.any({0, 3, 65535}, between(100, 200)) == Intervals{between(110, 130)});
  }
}

TEST_CASE("a CPU that was idle all the time is enough") {
  Memory memory(2);
  memory.is_idle(0, 50);
  memory.was_idle(1, 120, 140);
  CHECK(memory.any({0, 1}, between(100, 200)) == Intervals{between(100, 200)});
  CHECK(memory.any({1, 0}, between(100, 200)) == Intervals{between(100, 200)});
}

TEST_CASE("nothing is known of a CPU that was not seen yet") {
  Memory memory(1);
  memory.is_idle(0, 110);
  memory.was_idle(0, 110, 120);
  memory.cpus[0].task = 0;
  CHECK(memory.any({0}, between(100, 200)) == Intervals{});
}

TEST_CASE("nothing is known of a CPU that cannot be read, and the others count") {
  Memory memory(2);
  memory.cpus[0].seq = 1;
  memory.is_idle(0, 110);
  memory.was_idle(1, 120, 140);
  CHECK(memory.any({0, 1}, between(100, 200)) == Intervals{between(120, 140)});
}

TEST_CASE("old stretches are overwritten by new ones") {
  Memory memory(1);
  constexpr tl_u64 kEnded = TL_IDLES + 5;
  for (tl_u64 n = 0; n < kEnded; ++n) memory.was_idle(0, n * 10, n * 10 + 4);
  SECTION("as many as the span needs are there") {
    const std::int64_t begin = (kEnded - 3) * 10 + 2;
    CHECK(memory.any({0}, between(begin, 1'000'000)) == Intervals{between(begin, begin + 2),
                                                                  between(begin + 8, begin + 12),
                                                                  between(begin + 18, begin + 22)});
  }
  SECTION("known are the last ones, less that which may just be overwritten") {
    const Intervals idle = memory.any({0}, between(0, 1'000'000));
    REQUIRE(idle.size() == TL_IDLES - 1);
    CHECK(idle.front() == between(60, 64));
    CHECK(idle.back() == between((kEnded - 1) * 10, (kEnded - 1) * 10 + 4));
  }
}
