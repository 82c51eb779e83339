// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <map>

#include <catch2/catch.hpp>

#include "memory_turns.h"

using namespace throttlelens;
using namespace throttlelens::overhead;
using namespace std::chrono_literals;

namespace {

constexpr MonoTime kStart{std::chrono::hours(1)};

MemoryTarget process(std::uint32_t pid) {
  return ProcessKey{.pid = pid, .started = Nanoseconds(5)};
}

}  // namespace

TEST_CASE("the first reading is after a second, the next after 15") {
  MemoryTurns turns;
  CHECK_FALSE(turns.next(kStart));
  turns.add(process(1), kStart);
  CHECK_FALSE(turns.next(kStart + 999ms));
  CHECK(turns.next(kStart + 1s) == process(1));
  CHECK(turns.next(kStart + 2s) == process(1));  // not done yet
  turns.done(process(1), kStart + 2s, 10us);
  CHECK_FALSE(turns.next(kStart + 16999ms));
  CHECK(turns.next(kStart + 17s) == process(1));
}

TEST_CASE("those that were never read can be had before it is their turn") {
  MemoryTurns turns;
  CHECK_FALSE(turns.next_fresh());
  turns.add(process(1), kStart);
  turns.add(process(2), kStart);
  turns.done(process(1), kStart, 1s);  // all others wait for long
  CHECK_FALSE(turns.next(kStart + 2s));
  CHECK(turns.next_fresh() == process(2));
  turns.done(process(2), kStart, 1s);
  CHECK_FALSE(turns.next_fresh());
}

TEST_CASE("what is removed or added again changes nobody else's turn") {
  MemoryTurns turns;
  turns.add(process(1), kStart);
  turns.add(CgroupKey{2}, kStart);
  turns.add(process(1), kStart + 500ms);  // has its turn already
  turns.remove(CgroupKey{2});
  turns.remove(CgroupKey{3});
  CHECK(turns.next(kStart + 1s) == process(1));
  turns.remove(process(1));
  CHECK_FALSE(turns.next(kStart + 1h));
  turns.done(process(1), kStart + 1s, 0ns);  // ended while it was read
  CHECK_FALSE(turns.next(kStart + 2h));
}

TEST_CASE("readings take a thousandth of a CPU at most") {
  MemoryTurns turns;
  for (std::uint32_t pid = 1; pid <= 500; ++pid) turns.add(process(pid), kStart);
  Nanoseconds spent{0};
  std::map<MemoryTarget, int> count;
  const auto end = kStart + 1h;
  for (MonoTime now = kStart; now < end; now = now + 100ms) {
    const auto target = turns.next(now);
    if (!target) continue;
    const Nanoseconds cost = 250us + 1us * (++count[*target] % 7);
    turns.done(*target, now, cost);
    spent += cost;
  }
  CHECK(spent <= Nanoseconds(1h) / 1000 + 1ms);
  CHECK(spent > Nanoseconds(1h) / 1000 * 8 / 10);  // windows are 100 ms apart
  CHECK(count.size() == 500);
  const int average = static_cast<int>(spent / 253us) / 500;
  for (const auto& [target, times] : count) CHECK(std::abs(times - average) <= 4);
}

TEST_CASE("one that costs much keeps all others waiting, but not for good") {
  MemoryTurns turns;
  turns.add(process(1), kStart);
  turns.add(process(2), kStart);
  turns.done(process(1), kStart + 1s, 10ms);
  CHECK_FALSE(turns.next(kStart + 10999ms));
  CHECK(turns.next(kStart + 11s) == process(2));
  turns.done(process(2), kStart + 11s, std::chrono::hours(99));
  CHECK(turns.next(kStart + 1h));
  turns.done(process(1), kStart + 1h, -5s);  // a clock that went back
  CHECK(turns.next(kStart + 1h) == process(2));
}

TEST_CASE("a stream of new processes does not keep the old ones from being read again") {
  MemoryTurns turns;
  turns.add(process(1), kStart);
  turns.done(process(1), kStart + 1s, 1us);
  int old = 0;
  int fresh = 0;
  std::uint32_t pid = 1;
  for (MonoTime now = kStart + 20s; now < kStart + 80s; now = now + 100ms) {
    for (int i = 0; i < 2; ++i) turns.add(process(++pid), now);
    const auto target = turns.next(now);
    if (!target) continue;
    (target == process(1) ? old : fresh) += 1;
    turns.done(*target, now, 1us);
  }
  CHECK(old >= 2);
  CHECK(fresh >= 250);
}
