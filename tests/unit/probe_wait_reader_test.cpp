// SPDX-License-Identifier: Apache-2.0
// How long threads waited, read from memory laid out by hand and from a small simulated kernel.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "wait_reader.h"

using namespace throttlelens;

namespace {

constexpr tl_u64 kBase = 100'000'000;  // 100 ms
constexpr tl_u64 kMs = 1'000'000;
constexpr std::uint32_t kSlots = 8;

struct Memory {
  explicit Memory(std::size_t cpu_count)
      : cpus(cpu_count), cells(cpu_count * kSlots), running(cpu_count) {}

  SharedView view() const {
    return {.cpus = cpus,
            .cells = cells,
            .touched = {},
            .running = running,
            .idles = {},
            .max_slots = kSlots};
  }

  tl_cell& cell(std::uint32_t cpu, std::uint32_t slot) { return cells[cpu * kSlots + slot]; }

  std::vector<tl_cpu> cpus;
  std::vector<tl_cell> cells;
  std::vector<tl_running> running;
};

using Places = std::vector<CellPlace>;
using Numbers = std::map<tl_u64, tl_u64>;  // by serial

// What one edge told.
struct Told {
  Numbers waited;  // for quota and for a CPU
  Numbers throttled;
  std::vector<WaitDelta> deltas;
  std::vector<Stall> stalls;
};

// A reader that has seen the edge of window 10, with the queues it asks.
struct Scene {
  explicit Scene(std::size_t cpu_count = 2) : memory(cpu_count) { read(10, {}); }

  // A wait of serial slot * 10 begins or ends; the cell was last changed in window 10.
  void begin(std::uint32_t cpu, std::uint32_t slot, tl_u64 at) {
    tl_cell& cell = memory.cell(cpu, slot);
    cell.serial = slot * 10;
    cell.wait_window = std::max<tl_u64>(cell.wait_window, 10);
    cell.wait_ns -= at;
    ++cell.waiting;
  }
  void end(std::uint32_t cpu, std::uint32_t slot, tl_u64 at) {
    begin(cpu, slot, 0);
    memory.cell(cpu, slot).wait_ns += at;
    memory.cell(cpu, slot).waiting -= 2;
  }

  // The throttle clock of a queue, as the kernel will answer.
  tl_queue& queue(std::uint32_t cpu, std::uint32_t slot) {
    tl_queue& answer = queues[{slot * 10, cpu}];
    answer.valid = 1;
    return answer;
  }

  bool gather(WindowIndex edge, const Places& touched) {
    asked.clear();
    return reader.gather(edge, touched);
  }
  Told read(WindowIndex edge, const Places& touched) {
    REQUIRE(gather(edge, touched));
    Told told;
    reader.commit(told.deltas, told.stalls);
    for (const WaitDelta& delta : told.deltas) {
      const tl_u64 waited = delta.throttled_ns + delta.contended_ns;
      if (waited > 0) told.waited[delta.serial] += waited;
      if (delta.throttled_ns > 0) told.throttled[delta.serial] += delta.throttled_ns;
    }
    return told;
  }

  Memory memory;
  std::map<std::pair<tl_u64, std::uint32_t>, tl_queue> queues;
  std::vector<std::pair<tl_u64, std::uint32_t>> asked;
  WaitReader reader{memory.view(), Nanoseconds(kBase), [this](std::span<tl_queue> requests) {
                      for (tl_queue& request : requests) {
                        const std::pair<tl_u64, std::uint32_t> which{request.serial, request.cpu};
                        asked.push_back(which);
                        CHECK(request.slot * 10 == request.serial);
                        const auto answer = queues.find(which);
                        if (answer == queues.end()) continue;
                        const tl_queue asked_for = request;
                        request = answer->second;
                        request.serial = asked_for.serial;
                        request.slot = asked_for.slot;
                        request.cpu = asked_for.cpu;
                      }
                    }};
};

// Of serial 30 on CPU 0, whose parent ran dry.
tl_event_stall stall_event(tl_u64 from, tl_u64 to, tl_u64 until) {
  tl_event_stall event{};
  event.kind = TL_EVENT_STALL;
  event.slot = 3;
  event.serial = 30;
  event.level = 1;
  event.from = from;
  event.to = to;
  event.until = until;
  return event;
}

Nanoseconds ms(std::int64_t count) {
  return std::chrono::milliseconds(count);
}

}  // namespace

TEST_CASE("a wait in progress grows with the edge, without being listed") {
  Scene scene;
  scene.begin(0, 3, 1040 * kMs);
  CHECK(scene.read(11, {{0, 3}}).waited == Numbers{{30, 60 * kMs}});
  CHECK(scene.read(12, {}).waited == Numbers{{30, 100 * kMs}});
  CHECK(scene.read(13, {}).waited == Numbers{{30, 100 * kMs}});
  scene.end(0, 3, 1335 * kMs);
  CHECK(scene.read(14, {{0, 3}}).waited == Numbers{{30, 35 * kMs}});
  CHECK(scene.read(15, {}).deltas.empty());
  CHECK(scene.asked.empty());  // no queue could stop it
}

TEST_CASE("a wait that ended within the window is told at its end, once") {
  Scene scene;
  scene.begin(0, 3, 1010 * kMs);
  scene.end(0, 3, 1035 * kMs);
  CHECK(scene.read(11, {{0, 3}}).waited == Numbers{{30, 25 * kMs}});
  CHECK(scene.read(12, {{0, 3}}).waited == Numbers{});
}

TEST_CASE("a wait may begin on one CPU and end on another") {
  Scene scene;
  scene.begin(0, 3, 1050 * kMs);
  SECTION("within a window") {
    scene.end(1, 3, 1070 * kMs);
    CHECK(static_cast<tl_s64>(scene.memory.cell(1, 3).waiting) == -1);
    CHECK(scene.read(11, {{0, 3}, {1, 3}}).waited == Numbers{{30, 20 * kMs}});
  }
  SECTION("across an edge") {
    CHECK(scene.read(11, {{0, 3}}).waited == Numbers{{30, 50 * kMs}});
    scene.end(1, 3, 1120 * kMs);
    CHECK(scene.read(12, {{1, 3}}).waited == Numbers{{30, 20 * kMs}});
  }
  CHECK(scene.read(13, {}).deltas.empty());
}

TEST_CASE("cgroups and threads are kept apart and added up") {
  Scene scene;
  scene.begin(0, 3, 1040 * kMs);
  scene.begin(0, 3, 1050 * kMs);
  scene.begin(1, 3, 1060 * kMs);
  scene.begin(0, 4, 1090 * kMs);
  CHECK(scene.read(11, {{0, 3}, {1, 3}, {0, 4}}).waited ==
        Numbers{{30, (60 + 50 + 40) * kMs}, {40, 10 * kMs}});
}

TEST_CASE("of a cell that changed after the edge the values noted at the edge count") {
  Scene scene;
  scene.begin(0, 3, 1040 * kMs);
  scene.end(0, 3, 1130 * kMs);
  tl_cell& cell = scene.memory.cell(0, 3);
  cell.wait_window = 11;
  cell.wait_edge[11 % TL_EDGES] = 60 * kMs;
  cell.throttled_ns = 35 * kMs;
  cell.throttle_edge[11 % TL_EDGES] = 20 * kMs;
  Told told = scene.read(11, {{0, 3}});
  CHECK(told.waited == Numbers{{30, 60 * kMs}});
  CHECK(told.throttled == Numbers{{30, 20 * kMs}});
  told = scene.read(12, {{0, 3}});
  CHECK(told.waited == Numbers{{30, 30 * kMs}});
  CHECK(told.throttled == Numbers{{30, 15 * kMs}});
}

TEST_CASE("an edge that a cell has forgotten cannot be read, and nothing is told") {
  Scene scene;
  scene.begin(0, 4, 1040 * kMs);
  scene.begin(0, 3, 1040 * kMs);
  scene.end(0, 3, 1130 * kMs);
  tl_cell& cell = scene.memory.cell(0, 3);
  cell.wait_window = 10 + TL_EDGES;
  std::ranges::fill(cell.wait_edge, 90 * kMs);
  CHECK_FALSE(scene.gather(10, {{0, 4}, {0, 3}}));
  SECTION("the one after it can") {
    CHECK(scene.read(11, {{0, 4}, {0, 3}}).waited == Numbers{{30, 90 * kMs}, {40, 60 * kMs}});
  }
  SECTION("nor can that of a final cell") {
    scene.reader.evicted(
        {.kind = TL_EVENT_EVICTED, .slot = 3, .cpu = 0, .reserved = 0, .cell = cell});
    CHECK_FALSE(scene.gather(10, {{0, 4}}));
    cell = {};
    CHECK(scene.read(11, {{0, 4}}).waited == Numbers{{30, 90 * kMs}, {40, 60 * kMs}});
  }
}

TEST_CASE("what a throttle clock advanced during a wait was for quota") {
  Scene scene;
  scene.begin(0, 3, 1050 * kMs);
  tl_cell& cell = scene.memory.cell(0, 3);
  cell.held = 1;
  cell.settled = 5 * kMs;
  tl_queue& queue = scene.queue(0, 3);
  const auto told = [&] { return scene.read(11, {{0, 3}}).throttled; };
  SECTION("read before the edge: it goes on until there") {
    queue.growing = 1;
    queue.time = 20 * kMs;
    queue.at = 1098 * kMs;
    CHECK(told() == Numbers{{30, 17 * kMs}});
  }
  SECTION("read after the edge: it came that far since") {
    queue.growing = 1;
    queue.time = 40 * kMs;
    queue.at = 1120 * kMs;
    CHECK(told() == Numbers{{30, 15 * kMs}});
  }
  SECTION("it was throttled after the edge only") {
    queue.growing = 1;
    queue.time = 15 * kMs;
    queue.at = 1120 * kMs;
    CHECK(told() == Numbers{});
  }
  SECTION("the CPU's clock differs from CLOCK_MONOTONIC") {
    scene.memory.cpus[0].offset_ns = 500 * kMs;
    queue.growing = 1;
    queue.time = 20 * kMs;
    queue.at = 598 * kMs;
    CHECK(told() == Numbers{{30, 17 * kMs}});
  }
  SECTION("it ended") {
    queue.time = 30 * kMs;
    queue.at = 1098 * kMs;
    CHECK(told() == Numbers{{30, 25 * kMs}});
  }
  SECTION("the answer is older than the cell") {
    queue.time = 3 * kMs;
    CHECK(told() == Numbers{});
  }
  SECTION("there is no answer") {
    queue.growing = 1;
    queue.time = 20 * kMs;
    queue.at = 1098 * kMs;
    queue.valid = 0;
    CHECK(told() == Numbers{});
  }
  SECTION("on top of what is settled") {
    cell.throttled_ns = 8 * kMs;
    queue.time = 30 * kMs;
    CHECK(told() == Numbers{{30, 33 * kMs}});
  }
  SECTION("a throttled wait is a wait: no longer than that") {
    queue.time = 90 * kMs;
    CHECK(told() == Numbers{{30, 50 * kMs}});
  }
  CHECK(scene.asked == std::vector<std::pair<tl_u64, std::uint32_t>>{{30, 0}});
}

TEST_CASE("an answer older than its cell takes nothing from other CPUs") {
  Scene scene;
  for (const std::uint32_t cpu : {0U, 1U}) {
    scene.begin(cpu, 3, 1050 * kMs);
    scene.memory.cell(cpu, 3).held = 1;
    scene.memory.cell(cpu, 3).settled = 5 * kMs;
  }
  scene.queue(0, 3).time = 3 * kMs;
  scene.queue(1, 3).time = 15 * kMs;
  CHECK(scene.read(11, {{0, 3}, {1, 3}}).throttled == Numbers{{30, 10 * kMs}});
}

TEST_CASE("throttling stops every thread that is held") {
  Scene scene;
  for (int n = 0; n < 3; ++n) scene.begin(0, 3, 1050 * kMs);
  tl_cell& cell = scene.memory.cell(0, 3);
  scene.queue(0, 3).time = 17 * kMs;
  const auto told = [&] { return scene.read(11, {{0, 3}}).throttled; };
  SECTION("three of them") {
    cell.held = 3;
    CHECK(told() == Numbers{{30, 3 * 17 * kMs}});
  }
  SECTION("one of which another CPU has taken away") {
    cell.held = 3;
    cell.left = 1;
    CHECK(told() == Numbers{{30, 2 * 17 * kMs}});
  }
  SECTION("counted with numbers that wrap") {
    cell.held = 1;
    cell.left = ~tl_u32{0};
    CHECK(told() == Numbers{{30, 2 * 17 * kMs}});
  }
  SECTION("none, when an end is seen before its beginning") {
    cell.held = 1;
    cell.left = 2;
    CHECK(told() == Numbers{});
    CHECK(scene.asked.empty());
  }
}

TEST_CASE("what is held is read again at every edge, listed or not") {
  Scene scene;
  scene.begin(0, 3, 1000 * kMs);
  scene.begin(1, 4, 1000 * kMs);
  scene.memory.cell(0, 3).held = 1;
  scene.queue(0, 3).time = 10 * kMs;
  CHECK(scene.read(11, {{0, 3}, {1, 4}}).throttled == Numbers{{30, 10 * kMs}});
  scene.queue(0, 3).time = 45 * kMs;
  const Told told = scene.read(12, {});
  CHECK(told.throttled == Numbers{{30, 35 * kMs}});
  CHECK(told.waited == Numbers{{30, 100 * kMs}, {40, 100 * kMs}});
  CHECK(scene.read(13, {}).throttled == Numbers{});
  CHECK(scene.asked.size() == 1);
  // Another CPU takes the thread away: there is nobody left to ask for.
  scene.memory.cell(0, 3).throttled_ns = 45 * kMs;
  scene.memory.cell(0, 3).settled = 45 * kMs;
  scene.memory.cell(0, 3).left = 1;
  scene.end(1, 3, 1310 * kMs);
  CHECK(scene.read(14, {{1, 3}}).waited == Numbers{{30, 10 * kMs}, {40, 100 * kMs}});
  scene.read(15, {});
  CHECK(scene.asked.empty());
}

TEST_CASE("a stall in progress that the cell has noted") {
  Scene scene;
  scene.memory.cpus[0].offset_ns = 500 * kMs;
  scene.begin(0, 3, 1050 * kMs);
  tl_cell& cell = scene.memory.cell(0, 3);
  cell.held = 1;
  cell.settled = 10 * kMs;
  cell.stall_since = 560 * kMs;
  cell.stall_settled = 8 * kMs;
  cell.stall_level = 1;
  tl_queue& queue = scene.queue(0, 3);
  queue.growing = 1;
  queue.time = 44 * kMs;
  queue.at = 596 * kMs;
  queue.level = 2;
  SECTION("goes on, and is told in parts") {
    Told told = scene.read(11, {{0, 3}});
    REQUIRE(told.stalls.size() == 1);
    CHECK(told.stalls[0].serial == 30);
    CHECK(told.stalls[0].level == 1);
    CHECK(told.stalls[0].since == ms(1060));
    CHECK(told.stalls[0].until == ms(1100));
    told = scene.read(12, {});
    REQUIRE(told.stalls.size() == 1);
    CHECK(told.stalls[0].since == ms(1100));
    CHECK(told.stalls[0].until == ms(1200));
    cell.held = 0;
    cell.stall_since = 0;
    cell.settled = 160 * kMs;
    scene.reader.ended(stall_event(8 * kMs, 160 * kMs, 712 * kMs));
    told = scene.read(13, {{0, 3}});
    REQUIRE(told.stalls.size() == 1);
    CHECK(told.stalls[0].level == 1);
    CHECK(told.stalls[0].since == ms(1200));
    CHECK(told.stalls[0].until == ms(1212));
    CHECK(scene.read(14, {{0, 3}}).stalls.empty());
  }
  SECTION("is over, but no thread came since") {
    queue.growing = 0;
    queue.time = 23 * kMs;
    const Told told = scene.read(11, {{0, 3}});
    REQUIRE(told.stalls.size() == 1);
    CHECK(told.stalls[0].since == ms(1060));
    CHECK(told.stalls[0].until == ms(1075));
    CHECK(scene.read(12, {}).stalls.empty());
    scene.reader.ended(stall_event(8 * kMs, 23 * kMs, 575 * kMs));
    CHECK(scene.read(13, {{0, 3}}).stalls.empty());  // told
  }
  SECTION("was over after the edge") {
    queue.growing = 0;
    queue.time = 90 * kMs;
    CHECK(scene.read(11, {{0, 3}}).stalls.at(0).until == ms(1100));
  }
  SECTION("began after the edge") {
    cell.stall_since = 601 * kMs;
    CHECK(scene.read(11, {{0, 3}}).stalls.empty());
  }
  SECTION("holds nobody any more") {
    cell.left = 1;
    CHECK(scene.read(11, {{0, 3}}).stalls.empty());
  }
  SECTION("is of a queue that is gone") {
    queue.valid = 0;
    CHECK(scene.read(11, {{0, 3}}).stalls.empty());
  }
  SECTION("began before a cell changed that has other waits since") {
    cell.wait_window = 11;
    CHECK(scene.read(11, {{0, 3}}).stalls.at(0).since == ms(1060));
  }
}

TEST_CASE("a stall in progress that only the queue knows of") {
  Scene scene;
  scene.begin(0, 3, 1050 * kMs);
  tl_cell& cell = scene.memory.cell(0, 3);
  cell.held = 1;
  cell.settled = 5 * kMs;
  tl_queue& queue = scene.queue(0, 3);
  queue.growing = 1;
  queue.time = 20 * kMs;
  queue.at = 1098 * kMs;
  queue.level = 2;
  SECTION("has the level the queue tells") {
    const Told told = scene.read(11, {{0, 3}});
    REQUIRE(told.stalls.size() == 1);
    CHECK(told.stalls[0].level == 2);
    CHECK(told.stalls[0].since == ms(1083));
    CHECK(told.stalls[0].until == ms(1100));
  }
  SECTION("began after the edge") {
    queue.at = 1120 * kMs;
    CHECK(scene.read(11, {{0, 3}}).stalls.empty());
  }
  SECTION("is over: when, nobody knows") {
    queue.growing = 0;
    const Told told = scene.read(11, {{0, 3}});
    REQUIRE(told.stalls.size() == 1);
    CHECK(told.stalls[0].since == ms(1085));
    CHECK(told.stalls[0].until == ms(1100));
    scene.reader.ended(stall_event(5 * kMs, 20 * kMs, 1130 * kMs));
    CHECK(scene.read(12, {{0, 3}}).stalls.empty());  // told
  }
  SECTION("goes on, and ends") {
    CHECK(scene.read(11, {{0, 3}}).stalls.at(0).until == ms(1100));
    scene.reader.ended(stall_event(5 * kMs, 36 * kMs, 1115 * kMs));
    const Told told = scene.read(12, {{0, 3}});
    CHECK(told.stalls.at(0).since == ms(1100));  // 1 ms apart is the clocks' doing
    CHECK(told.stalls.at(0).until == ms(1115));
  }
  SECTION("goes on, ends, and begins anew") {
    CHECK(scene.read(11, {{0, 3}}).stalls.at(0).until == ms(1100));
    scene.reader.ended(stall_event(5 * kMs, 32 * kMs, 1115 * kMs));
    CHECK(scene.read(12, {{0, 3}}).stalls.at(0).since == ms(1105));
  }
  SECTION("is not known where the cell changed since") {
    cell.wait_window = 11;
    CHECK(scene.read(11, {{0, 3}}).stalls.empty());
  }
}

TEST_CASE("a stall that began and ended between two edges") {
  Scene scene;
  scene.memory.cpus[0].offset_ns = 500 * kMs;
  scene.reader.ended(stall_event(8 * kMs, 28 * kMs, 580 * kMs));
  SECTION("of a cell that was never read") {
    const Told told = scene.read(11, {});
    REQUIRE(told.stalls.size() == 1);
    CHECK(told.stalls[0].serial == 30);
    CHECK(told.stalls[0].level == 1);
    CHECK(told.stalls[0].since == ms(1060));
    CHECK(told.stalls[0].until == ms(1080));
  }
  SECTION("and another one, which the first one's waits saw too") {
    scene.begin(0, 3, 1000 * kMs);
    CHECK(scene.read(11, {{0, 3}}).stalls.size() == 1);
    scene.reader.ended(stall_event(28 * kMs, 38 * kMs, 650 * kMs));
    scene.reader.ended(stall_event(20 * kMs, 41 * kMs, 680 * kMs));
    const Told told = scene.read(12, {});
    REQUIRE(told.stalls.size() == 2);
    CHECK(told.stalls[0].since == ms(1140));
    CHECK(told.stalls[0].until == ms(1150));
    CHECK(told.stalls[1].since == ms(1177));  // 3 ms of it are new
    CHECK(told.stalls[1].until == ms(1180));
  }
  SECTION("on a CPU that does not exist") {
    scene.read(11, {});
    tl_event_stall event = stall_event(0, kMs, 680 * kMs);
    event.cpu = 2;
    scene.reader.ended(event);
    CHECK(scene.read(12, {}).stalls.empty());
  }
  CHECK(scene.read(14, {}).stalls.empty());
}

TEST_CASE("nothing is taken back when an estimate ran ahead") {
  Scene scene;
  tl_cell& cell = scene.memory.cell(0, 3);
  SECTION("of a throttled wait") {
    scene.begin(0, 3, 1000 * kMs);
    cell.held = 1;
    scene.queue(0, 3).time = 30 * kMs;  // 10 of which were after the edge
    CHECK(scene.read(11, {{0, 3}}).throttled == Numbers{{30, 30 * kMs}});
    // The CPU knows better when the wait is settled.
    cell.settled = 30 * kMs;
    cell.throttled_ns = 30 * kMs;
    cell.wait_window = 12;
    cell.wait_edge[12 % TL_EDGES] = 200 * kMs;
    cell.throttle_edge[12 % TL_EDGES] = 24 * kMs;
    Told told = scene.read(12, {{0, 3}});
    CHECK(told.throttled == Numbers{});
    CHECK(told.waited == Numbers{{30, (200 - 24 - 70) * kMs}});  // 70 were told for a CPU
    cell.throttled_ns = 37 * kMs;
    told = scene.read(13, {{0, 3}});
    CHECK(told.throttled == Numbers{{30, 7 * kMs}});
    CHECK(told.waited == Numbers{{30, (300 - 200 - 6) * kMs}});
  }
  SECTION("of a wait whose end was not seen") {
    scene.begin(0, 3, 1050 * kMs);
    CHECK(scene.read(11, {{0, 3}}).waited == Numbers{{30, 50 * kMs}});
    scene.end(0, 3, 1050 * kMs);  // without a length
    CHECK(scene.read(12, {{0, 3}}).waited == Numbers{});
    scene.begin(0, 3, 1210 * kMs);
    scene.end(0, 3, 1290 * kMs);
    CHECK(scene.read(13, {{0, 3}}).waited == Numbers{{30, 30 * kMs}});
  }
}

TEST_CASE("what throttling could not be told for want of waits follows") {
  Scene scene;
  scene.begin(0, 3, 1090 * kMs);
  scene.memory.cell(0, 3).held = 1;
  scene.queue(0, 3).time = 15 * kMs;
  CHECK(scene.read(11, {{0, 3}}).throttled == Numbers{{30, 10 * kMs}});
  CHECK(scene.read(12, {}).throttled == Numbers{{30, 5 * kMs}});
  CHECK(scene.read(13, {}).throttled == Numbers{});
}

TEST_CASE("the waits of a cgroup whose slot was taken over") {
  Scene scene;
  scene.begin(0, 3, 1040 * kMs);
  scene.begin(0, 3, 1050 * kMs);
  CHECK(scene.read(11, {{0, 3}}).waited == Numbers{{30, 110 * kMs}});
  scene.end(0, 3, 1120 * kMs);
  scene.end(0, 3, 1130 * kMs);
  tl_cell& cell = scene.memory.cell(0, 3);
  const auto evict = [&] {
    scene.reader.evicted(
        {.kind = TL_EVENT_EVICTED, .slot = 3, .cpu = 0, .reserved = 0, .cell = cell});
    cell = {};
    cell.serial = 31;
    cell.wait_window = 11;
    cell.wait_ns = 9 * kMs;
  };
  SECTION("before the edge") {
    cell.wait_window = 11;
    evict();
    CHECK(scene.read(12, {{0, 3}}).waited == Numbers{{30, 50 * kMs}, {31, 9 * kMs}});
  }
  SECTION("after the edge") {
    cell.wait_window = 12;
    cell.wait_edge[12 % TL_EDGES] = 145 * kMs;
    evict();
    CHECK(scene.read(12, {{0, 3}}).waited == Numbers{{30, 35 * kMs}, {31, 9 * kMs}});
    CHECK(scene.read(13, {}).waited == Numbers{{30, 15 * kMs}});
  }
  SECTION("heard of after the newer one was read") {
    cell.wait_window = 11;
    const tl_cell final_cell = cell;
    cell = {};
    cell.serial = 31;
    cell.wait_window = 11;
    cell.wait_ns = 9 * kMs;
    // Two waits go on as far as the reader knows.
    CHECK(scene.read(12, {{0, 3}}).waited == Numbers{{30, 200 * kMs}, {31, 9 * kMs}});
    scene.reader.evicted(
        {.kind = TL_EVENT_EVICTED, .slot = 3, .cpu = 0, .reserved = 0, .cell = final_cell});
    CHECK(scene.read(13, {}).waited == Numbers{});
  }
  CHECK(scene.read(14, {{0, 3}}).waited == Numbers{});
  CHECK(scene.read(15, {}).deltas.empty());
}

TEST_CASE("a held wait of a cell that was taken over is not read in the newer one's") {
  Scene scene;
  scene.begin(0, 3, 1000 * kMs);
  tl_cell& cell = scene.memory.cell(0, 3);
  cell.held = 1;
  scene.queue(0, 3).time = 10 * kMs;
  CHECK(scene.read(11, {{0, 3}}).throttled == Numbers{{30, 10 * kMs}});
  scene.end(0, 3, 1110 * kMs);
  cell.held = 0;
  cell.throttled_ns = 12 * kMs;
  cell.wait_window = 11;
  scene.reader.evicted(
      {.kind = TL_EVENT_EVICTED, .slot = 3, .cpu = 0, .reserved = 0, .cell = cell});
  cell = {};
  cell.serial = 31;
  cell.wait_ns = 70 * kMs;
  cell.wait_window = 11;
  const Told told = scene.read(12, {});  // the newer one is not listed
  CHECK(told.waited == Numbers{{30, 10 * kMs}});
  CHECK(told.throttled == Numbers{{30, 2 * kMs}});
}

TEST_CASE("one CPU's cell is taken over while threads of the cgroup wait on another") {
  Scene scene;
  scene.begin(0, 3, 1040 * kMs);
  scene.begin(1, 3, 1050 * kMs);
  scene.end(0, 3, 1060 * kMs);
  CHECK(scene.read(11, {{0, 3}, {1, 3}}).waited == Numbers{{30, 70 * kMs}});
  scene.reader.evicted({.kind = TL_EVENT_EVICTED,
                        .slot = 3,
                        .cpu = 0,
                        .reserved = 0,
                        .cell = scene.memory.cell(0, 3)});
  scene.memory.cell(0, 3) = {};
  CHECK(scene.read(12, {}).waited == Numbers{{30, 100 * kMs}});
  CHECK(scene.read(13, {}).waited == Numbers{{30, 100 * kMs}});
}

TEST_CASE("a thread that came to run unseen waits no more") {
  Scene scene;
  scene.begin(0, 3, 1040 * kMs);
  scene.begin(1, 3, 1060 * kMs);
  tl_running& running = scene.memory.running[1];
  running = {.valid = 1,
             .seq = 0,
             .clock = 590 * kMs,
             .task = 77,
             .sum = 25 * kMs,
             .sum_start = 5 * kMs,
             .serial = 30,
             .slot = 3,
             .pid = 7,
             .recorded_sum = 0,
             .waiting = 30};
  scene.memory.cpus[1].offset_ns = 500 * kMs;
  SECTION("since it was switched in") {  // at 1070
    CHECK(scene.read(11, {{0, 3}, {1, 3}}).waited == Numbers{{30, 70 * kMs}});
    running.clock += 100 * kMs;
    running.sum += 100 * kMs;
    CHECK(scene.read(12, {}).waited == Numbers{{30, 100 * kMs}});
    scene.end(1, 3, 1070 * kMs);  // as the kernel counted
    running.waiting = 0;
    CHECK(scene.read(13, {{1, 3}}).waited == Numbers{{30, 100 * kMs}});
  }
  SECTION("which was after the edge") {
    running.sum = 5 * kMs;
    running.clock = 610 * kMs;
    CHECK(scene.read(11, {{0, 3}, {1, 3}}).waited == Numbers{{30, 100 * kMs}});
  }
  SECTION("of whom nothing else is known") {
    running.waiting = 40;
    CHECK(scene.read(11, {{0, 3}, {1, 3}}).waited == Numbers{{30, 100 * kMs}});
  }
  SECTION("read while it changed") {
    running.valid = 0;
    CHECK(scene.read(11, {{0, 3}, {1, 3}}).waited == Numbers{{30, 100 * kMs}});
  }
}

TEST_CASE("waits that ended are counted by cause and length") {
  Scene scene;
  scene.begin(0, 3, 1040 * kMs);
  tl_cell& cell = scene.memory.cell(0, 3);
  cell.lost_ns = 4 * kMs;
  cell.ended_ns[TL_THROTTLE] = 20 * kMs;
  cell.ended_ns[TL_CONTENTION] = 7 * kMs;
  cell.ended[TL_THROTTLE][3] = ~tl_u32{0} - 1;  // has been counting for long
  cell.ended[TL_CONTENTION][0] = 5;
  scene.read(11, {{0, 3}});
  cell.lost_ns = 10 * kMs;
  cell.ended_ns[TL_THROTTLE] = 50 * kMs;
  cell.ended_ns[TL_CONTENTION] = 8 * kMs;
  cell.ended[TL_THROTTLE][3] += 3;  // wraps
  cell.ended[TL_CONTENTION][0] = 6;
  tl_cell& other = scene.memory.cell(1, 3);
  other.serial = 30;
  other.wait_window = 11;
  other.ended[TL_THROTTLE][3] = 2;
  other.ended[TL_CONTENTION][TL_WAIT_BUCKETS - 1] = 1;
  const Told told = scene.read(12, {{0, 3}, {1, 3}});
  REQUIRE(told.deltas.size() == 1);
  CHECK(told.deltas[0].lost_ns == 6 * kMs);
  CHECK(told.deltas[0].ended_ns[TL_THROTTLE] == 30 * kMs);
  CHECK(told.deltas[0].ended_ns[TL_CONTENTION] == kMs);
  CHECK(told.deltas[0].ended[TL_THROTTLE] ==
        std::array<std::uint64_t, TL_WAIT_BUCKETS>{0, 0, 0, 5, 0, 0, 0, 0});
  CHECK(told.deltas[0].ended[TL_CONTENTION] ==
        std::array<std::uint64_t, TL_WAIT_BUCKETS>{1, 0, 0, 0, 0, 0, 0, 1});
}

TEST_CASE("a cell that is changing all the time cannot be read") {
  Scene scene;
  scene.begin(0, 3, 1040 * kMs);
  scene.begin(1, 4, 1040 * kMs);
  scene.memory.cpus[0].wait_seq = 3;
  CHECK_FALSE(scene.gather(11, {{1, 4}, {0, 3}}));
  scene.memory.cpus[0].wait_seq = 4;
  CHECK(scene.read(11, {{1, 4}, {0, 3}}).waited == Numbers{{30, 60 * kMs}, {40, 60 * kMs}});
}

TEST_CASE("a cell with a held wait that is changing all the time cannot be read") {
  Scene scene;
  scene.begin(0, 3, 1040 * kMs);
  scene.memory.cell(0, 3).held = 1;
  scene.read(11, {{0, 3}});
  scene.memory.cpus[0].wait_seq = 3;
  CHECK_FALSE(scene.gather(12, {}));
  scene.memory.cpus[0].wait_seq = 4;
  CHECK(scene.read(12, {}).waited == Numbers{{30, 100 * kMs}});
}

TEST_CASE("idle threads do not wait, and what does not fit this machine is ignored") {
  Scene scene;
  scene.memory.cell(0, TL_SLOT_IDLE).wait_ns = 5;
  tl_cell cell{};
  cell.serial = 30;
  cell.wait_ns = 5;
  scene.reader.evicted(
      {.kind = TL_EVENT_EVICTED, .slot = 3, .cpu = 2, .reserved = 0, .cell = cell});
  scene.reader.evicted(
      {.kind = TL_EVENT_EVICTED, .slot = kSlots, .cpu = 0, .reserved = 0, .cell = cell});
  CHECK(scene.read(11, {{0, TL_SLOT_IDLE}, {0, kSlots}, {0, 5}}).deltas.empty());
}

namespace {

// What the programs do in bpf/waits.bpf.h, on CPUs whose clocks differ by a constant.
class Kernel {
 public:
  struct Thread {
    tl_u32 waits = TL_NOT_WAITING;
    std::uint32_t cpu = 0;
    std::uint32_t slot = 0;
    tl_u64 serial = 0;
    tl_u64 since = 0;
    tl_u64 settled = 0;
  };
  struct Queue {
    tl_u64 time = 0;
    tl_u64 since = 0;  // rq.clock; 0: not throttled
    tl_u64 clock(tl_u64 now) const { return time + (since != 0 ? now - since : 0); }
  };

  explicit Kernel(std::size_t cpu_count) : memory(cpu_count), queues(cpu_count * kSlots) {}

  tl_u64 now(std::uint32_t cpu) const {
    return mono - static_cast<tl_u64>(memory.cpus[cpu].offset_ns);
  }
  Queue& queue(std::uint32_t cpu, std::uint32_t slot) { return queues[cpu * kSlots + slot]; }

  void throttle(std::uint32_t cpu, std::uint32_t slot, bool on) {
    Queue& q = queue(cpu, slot);
    if (on == (q.since != 0)) return;
    q.time = q.clock(now(cpu));
    q.since = on ? now(cpu) : 0;
  }

  // tl_switch and tl_woken look at the window first.
  void look_at_window(std::uint32_t cpu_index) {
    tl_cpu& cpu = memory.cpus[cpu_index];
    if (now(cpu_index) < cpu.next_edge) return;
    cpu.window = mono / kBase;
    cpu.next_edge = (cpu.window + 1) * kBase - static_cast<tl_u64>(cpu.offset_ns);
  }

  void begin_wait(std::uint32_t cpu, std::uint32_t slot, Thread& thread, bool held) {
    look_at_window(cpu);
    tl_cell& cell = memory.cell(cpu, slot);
    cell.serial = slot * 10;
    const Queue& q = queue(cpu, slot);
    const tl_u64 time = q.clock(now(cpu));
    if (cell.wait_window != memory.cpus[cpu].window) open_waits(cpu, slot, time, now(cpu));
    cell.wait_ns -= mono;
    ++cell.waiting;
    thread.waits = TL_FOR_CPU;
    if (held) {
      settle(cell, time);
      ++cell.held;
      thread.waits = TL_HELD;
      if (q.since != 0 && cell.stall_since == 0) {
        cell.stall_settled = cell.settled;
        cell.stall_since = now(cpu);
      }
    }
    thread.since = mono;
    thread.settled = time;
    thread.serial = cell.serial;
    thread.slot = slot;
    thread.cpu = cpu;
  }

  // `slot`: the cgroup the thread is in now.
  void end_wait(std::uint32_t cpu, std::uint32_t slot, Thread& thread) {
    look_at_window(cpu);
    tl_cell& cell = memory.cell(cpu, slot);
    cell.serial = slot * 10;
    const Queue& q = queue(cpu, slot);
    const tl_u64 time = q.clock(now(cpu));
    const tl_u64 waited = mono - thread.since;
    if (cell.wait_window != memory.cpus[cpu].window) open_waits(cpu, slot, time, now(cpu));
    const tl_u32 waits = std::exchange(thread.waits, TL_NOT_WAITING);
    if (thread.serial != cell.serial) return close_wait(cpu, thread, waits, waited);
    tl_u64 throttled = 0;
    if (waits == TL_HELD) {
      if (thread.cpu == cpu) {
        settle(cell, time);
        --cell.held;
        throttled = time - thread.settled;
      } else {
        throttled = throttled_elsewhere(cpu, slot, thread);
      }
      throttled = std::min(throttled, waited);
    }
    cell.wait_ns += thread.since + waited;
    --cell.waiting;
    const tl_u64 contention = waited - throttled;
    if (contention > 0) count(cell, TL_CONTENTION, contention);
    if (throttled > 0) count(cell, TL_THROTTLE, throttled);
    if (cell.stall_since != 0 && (q.since == 0 || cell.held == cell.left)) cell.stall_since = 0;
  }

  // Cells that are in a list of window `from` or later.
  Places listed(tl_u64 from) const {
    std::set<std::pair<std::uint32_t, std::uint32_t>> unique;
    for (const auto& [window, place] : lists) {
      if (window >= from) unique.insert(place);
    }
    Places places;
    for (const auto& [cpu, slot] : unique) places.push_back({.cpu = cpu, .slot = slot});
    return places;
  }

  Memory memory;
  std::vector<Queue> queues;
  tl_u64 mono = 1000 * kBase;

 private:
  void open_waits(std::uint32_t cpu_index, std::uint32_t slot, tl_u64 time, tl_u64 clock) {
    const tl_cpu& cpu = memory.cpus[cpu_index];
    tl_cell& cell = memory.cell(cpu_index, slot);
    const tl_u64 held = cell.held - cell.left;
    const tl_u64 grown = time - cell.settled;
    tl_u64 edge = cpu.next_edge;
    tl_u64 start = (cpu.window + 1) * kBase;
    for (tl_u64 back = 0; back < TL_EDGES; ++back) {
      const tl_u64 window = cpu.window - back;
      tl_u64 after = 0;
      edge -= kBase;
      start -= kBase;
      if (window <= cell.wait_window && cell.wait_window != 0) break;
      if (clock > edge) after = clock - edge;
      if (cell.stall_since != 0) {
        const tl_u64 stalled = time - cell.stall_settled;
        const tl_u64 before = edge > cell.stall_since ? edge - cell.stall_since : 0;
        after = before < stalled ? stalled - before : 0;
      }
      after = std::min(after, grown);
      cell.wait_edge[window % TL_EDGES] = cell.wait_ns + cell.waiting * start;
      cell.throttle_edge[window % TL_EDGES] = cell.throttled_ns + held * (grown - after);
    }
    lists.push_back({cpu.window, {cpu_index, slot}});
    cell.wait_window = cpu.window;
  }

  // What the queue it began on had not settled yet goes with the thread.
  tl_u64 throttled_elsewhere(std::uint32_t cpu_index, std::uint32_t slot, const Thread& thread) {
    const tl_cpu& cpu = memory.cpus[cpu_index];
    tl_cell& cell = memory.cell(cpu_index, slot);
    tl_cell& begun = memory.cell(thread.cpu, slot);
    const tl_u64 settled = std::max(begun.settled, thread.settled);
    ++begun.left;
    const tl_u64 time = queue(thread.cpu, slot).time;
    if (time > settled) {
      cell.throttled_ns += time - settled;
      tl_u64 edge = cpu.next_edge;
      const tl_u64 stalled = time - begun.stall_settled;
      for (tl_u64 back = 0; back < TL_EDGES && begun.stall_since != 0; ++back) {
        edge -= kBase;
        if (edge <= begun.stall_since) break;
        const tl_u64 at = begun.stall_settled + std::min(edge - begun.stall_since, stalled);
        if (at > settled) cell.throttle_edge[(cpu.window - back) % TL_EDGES] += at - settled;
      }
    }
    return time - thread.settled;
  }

  void close_wait(std::uint32_t cpu, const Thread& thread, tl_u32 waits, tl_u64 length) {
    if (waits == TL_HELD) ++memory.cell(thread.cpu, thread.slot).left;
    tl_cell& cell = memory.cell(cpu, thread.slot);
    cell.serial = thread.serial;
    if (cell.wait_window != memory.cpus[cpu].window) open_waits(cpu, thread.slot, cell.settled, 0);
    cell.wait_ns += thread.since + length;
    --cell.waiting;
  }

  static void settle(tl_cell& cell, tl_u64 time) {
    cell.throttled_ns += tl_u64{cell.held - cell.left} * (time - cell.settled);
    cell.settled = time;
  }

  static void count(tl_cell& cell, tl_cause cause, tl_u64 ns) {
    cell.ended_ns[cause] += ns;
    ++cell.ended[cause][DurationHistogram::bucket_of(Nanoseconds(ns))];
  }

  std::vector<std::pair<tl_u64, std::pair<std::uint32_t, std::uint32_t>>> lists;
};

// All that was waited and throttled, kept as intervals and added up one by one.
struct Truth {
  struct Wait {
    std::uint32_t slot = 0;
    std::uint32_t queue = 0;  // index; whose throttling stops it
    bool held = false;
    tl_u64 since = 0;
    tl_u64 until = ~tl_u64{0};  // still going on
  };
  struct Span {
    tl_u64 since = 0;
    tl_u64 until = ~tl_u64{0};
  };

  static tl_u64 common(tl_u64 a_since, tl_u64 a_until, tl_u64 b_since, tl_u64 b_until) {
    const tl_u64 since = std::max(a_since, b_since);
    const tl_u64 until = std::min(a_until, b_until);
    return until > since ? until - since : 0;
  }
  Numbers waited(tl_u64 from, tl_u64 to) const {
    Numbers sums;
    for (const Wait& wait : waits) {
      const tl_u64 ns = common(wait.since, wait.until, from, to);
      if (ns > 0) sums[wait.slot * 10] += ns;
    }
    return sums;
  }
  Numbers throttled(tl_u64 from, tl_u64 to) const {
    Numbers sums;
    for (const Wait& wait : waits) {
      if (!wait.held || common(wait.since, wait.until, from, to) == 0) continue;
      for (const Span& span : throttlings.at(wait.queue)) {
        const tl_u64 ns =
            common(std::max(wait.since, from), std::min(wait.until, to), span.since, span.until);
        if (ns > 0) sums[wait.slot * 10] += ns;
      }
    }
    return sums;
  }

  std::vector<Wait> waits;
  std::map<std::uint32_t, std::vector<Span>> throttlings;  // by queue
};

class Simulation {
 public:
  Simulation(unsigned seed, std::size_t cpu_count, bool quota = true)
      : random_(seed), kernel_(cpu_count), quota_(quota) {
    for (tl_cpu& cpu : kernel_.memory.cpus) {
      cpu.offset_ns = static_cast<tl_s64>(below(2'000'000'000)) - 1'000'000'000;
    }
    threads_.resize(12);
    for (Life& life : threads_) life.slot = random_slot();
    for (std::uint32_t cpu = 0; cpu < cpu_count; ++cpu) {
      for (std::uint32_t slot = 1; slot <= 3; ++slot) truth_.throttlings[index(cpu, slot)];
    }
    reader_ =
        std::make_unique<WaitReader>(kernel_.memory.view(), Nanoseconds(kBase),
                                     [this](std::span<tl_queue> requests) { answer(requests); });
    REQUIRE(read(kernel_.mono / kBase));
    totals_ = {};
  }

  tl_u64 below(tl_u64 limit) {
    return std::uniform_int_distribution<tl_u64>(0, limit - 1)(random_);
  }
  WindowIndex next_edge() const { return last_edge_ + 1; }
  tl_u64 mono() const { return kernel_.mono; }
  const Truth& truth() const { return truth_; }

  // Lets things happen until `until`, which itself is still to come.
  void run(tl_u64 until) {
    const tl_u64 pace = kMs + below(20 * kMs);
    while (true) {
      const tl_u64 next = kernel_.mono + 1 + below(pace);
      if (next >= until) break;
      kernel_.mono = next;
      step();
    }
    kernel_.mono = until;
  }

  // Everybody runs; then one thread of each cgroup waits for a CPU.
  void calm_down() {
    for (std::uint32_t queue = 0; queue < kernel_.queues.size(); ++queue)
      throttle(queue / kSlots, queue % kSlots, false);
    for (Life& life : threads_) {
      if (life.thread.waits != TL_NOT_WAITING) finish(life, life.thread.cpu);
    }
    for (std::uint32_t slot = 1; slot <= 3; ++slot) {
      threads_[slot].slot = slot;
      start(threads_[slot], 0, false);
    }
  }
  void rest(tl_u64 until) { kernel_.mono = until; }

  bool read(WindowIndex edge) {
    const tl_u64 from = last_edge_ > 0 ? last_edge_ - 1 : 0;
    if (!reader_->gather(edge, kernel_.listed(from))) return false;
    std::vector<WaitDelta> deltas;
    std::vector<Stall> stalls;
    reader_->commit(deltas, stalls);
    last_ = {};
    for (const WaitDelta& delta : deltas) {
      add(last_, delta);
      add(totals_, delta);
    }
    last_edge_ = edge;
    return true;
  }

  struct Sums {
    Numbers waited;
    Numbers throttled;
    tl_u64 ended_ns = 0;
    tl_u64 ended_throttled_ns = 0;
  };
  const Sums& last() const { return last_; }
  const Sums& totals() const { return totals_; }

 private:
  struct Life {
    Kernel::Thread thread;
    std::uint32_t slot = 1;  // its cgroup
    std::size_t wait = 0;    // in truth_
  };

  static std::uint32_t index(std::uint32_t cpu, std::uint32_t slot) { return cpu * kSlots + slot; }
  std::uint32_t random_slot() { return 1 + static_cast<std::uint32_t>(below(3)); }
  std::uint32_t random_cpu() {
    return static_cast<std::uint32_t>(below(kernel_.memory.cpus.size()));
  }

  static void add(Sums& sums, const WaitDelta& delta) {
    const tl_u64 waited = delta.throttled_ns + delta.contended_ns;
    if (waited > 0) sums.waited[delta.serial] += waited;
    if (delta.throttled_ns > 0) sums.throttled[delta.serial] += delta.throttled_ns;
    sums.ended_ns += delta.ended_ns[TL_THROTTLE] + delta.ended_ns[TL_CONTENTION];
    sums.ended_throttled_ns += delta.ended_ns[TL_THROTTLE];
  }

  void throttle(std::uint32_t cpu, std::uint32_t slot, bool on) {
    const bool was = kernel_.queue(cpu, slot).since != 0;
    kernel_.throttle(cpu, slot, on);
    std::vector<Truth::Span>& spans = truth_.throttlings[index(cpu, slot)];
    if (on && !was) spans.push_back({.since = kernel_.mono});
    if (!on && was) spans.back().until = kernel_.mono;
  }
  void start(Life& life, std::uint32_t cpu, bool held) {
    kernel_.begin_wait(cpu, life.slot, life.thread, held);
    life.wait = truth_.waits.size();
    truth_.waits.push_back(
        {.slot = life.slot, .queue = index(cpu, life.slot), .held = held, .since = kernel_.mono});
  }
  void finish(Life& life, std::uint32_t cpu) {
    kernel_.end_wait(cpu, life.slot, life.thread);
    truth_.waits[life.wait].until = kernel_.mono;
  }

  // A held thread leaves its queue only while that is not throttled, and its cgroup only when all
  // that was is settled.
  bool can_leave(const Life& life) {
    return life.thread.waits != TL_HELD ||
           kernel_.queue(life.thread.cpu, life.thread.slot).since == 0;
  }
  bool can_change(const Life& life) {
    const Kernel::Thread& thread = life.thread;
    return thread.waits != TL_HELD || kernel_.queue(thread.cpu, thread.slot).time ==
                                          kernel_.memory.cell(thread.cpu, thread.slot).settled;
  }

  void step() {
    const tl_u64 kind = below(20);
    if (kind < 3) {
      const std::uint32_t cpu = random_cpu();
      const std::uint32_t slot = random_slot();
      return throttle(cpu, slot, kernel_.queue(cpu, slot).since == 0);
    }
    Life& life = threads_[below(threads_.size())];
    if (life.thread.waits == TL_NOT_WAITING) {
      life.slot = random_slot();
      return start(life, random_cpu(), quota_ && below(3) > 0);
    }
    if (kind < 12 || !can_leave(life)) return finish(life, life.thread.cpu);
    if (kind < 14) {  // to another cgroup: its wait counts to the one it began in
      if (!can_change(life)) return;
      life.slot = random_slot();
    }
    finish(life, random_cpu());
  }

  void answer(std::span<tl_queue> requests) {
    for (tl_queue& request : requests) {
      const Kernel::Queue& queue = kernel_.queue(request.cpu, request.slot);
      request.valid = 1;
      request.growing = queue.since != 0;
      // Kernels differ in when the clock they show was up to date.
      const bool fresh = below(2) == 0;
      request.at = fresh ? kernel_.now(request.cpu) : queue.since;
      request.time = fresh ? queue.clock(request.at) : queue.time;
    }
  }

  std::mt19937 random_;
  Kernel kernel_;
  bool quota_;  // throttling stops some of the threads
  Truth truth_;
  std::vector<Life> threads_;
  std::unique_ptr<WaitReader> reader_;
  WindowIndex last_edge_ = 0;
  Sums last_;
  Sums totals_;
};

constexpr tl_u64 kStart = 1000 * kBase;

void check_totals(Simulation& simulation) {
  // What estimates placed wrongly is made good as long as somebody waits.
  const tl_u64 calm = (simulation.mono() / kBase + 1) * kBase;
  simulation.rest(calm);
  while (simulation.next_edge() * kBase <= calm) REQUIRE(simulation.read(simulation.next_edge()));
  simulation.calm_down();
  for (int n = 0; n < 100; ++n) {
    simulation.rest(simulation.next_edge() * kBase);
    REQUIRE(simulation.read(simulation.next_edge()));
  }
  const tl_u64 end = simulation.mono();
  CHECK(simulation.totals().waited == simulation.truth().waited(kStart, end));
  CHECK(simulation.totals().throttled == simulation.truth().throttled(kStart, end));
}

}  // namespace

TEST_CASE("every window of a random life is exact when its edge is read in time") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    Simulation simulation(seed, 2 + seed % 3);
    for (WindowIndex edge = 1001; edge < 1040; ++edge) {
      INFO("seed " << seed << ", edge " << edge);
      simulation.run(edge * kBase);
      REQUIRE(simulation.read(edge));
      REQUIRE(simulation.last().waited ==
              simulation.truth().waited((edge - 1) * kBase, edge * kBase));
      REQUIRE(simulation.last().throttled ==
              simulation.truth().throttled((edge - 1) * kBase, edge * kBase));
    }
    INFO("seed " << seed);
    check_totals(simulation);
  }
}

TEST_CASE("a late reader still finds every wait in its window, and all throttling in the end") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    const bool quota = seed % 2 == 0;
    Simulation simulation(seed, 2 + seed % 3, quota);
    for (WindowIndex current = 1001; current < 1040; ++current) {
      simulation.run(current * kBase + simulation.below(kBase));
      if (simulation.below(3) == 0 && current - simulation.next_edge() < 2) continue;  // later
      while (simulation.next_edge() <= current) {
        const WindowIndex edge = simulation.next_edge();
        INFO("seed " << seed << ", edge " << edge << " in window " << current);
        REQUIRE(simulation.read(edge));
        if (!quota)
          REQUIRE(simulation.last().waited ==
                  simulation.truth().waited((edge - 1) * kBase, edge * kBase));
        // A cause that became known late may be told twice for a while, and never too little.
        for (const auto& [serial, waited] : simulation.truth().waited(kStart, edge * kBase))
          REQUIRE(simulation.totals().waited.at(serial) >= waited);
      }
    }
    INFO("seed " << seed);
    check_totals(simulation);
  }
}

TEST_CASE("windows that nobody could read in time come with the next one") {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    Simulation simulation(seed, 2 + seed % 3);
    WindowIndex current = 1000;
    for (int n = 0; n < 10; ++n) {
      const WindowIndex before = current;
      current += 1 + simulation.below(12);
      simulation.run(current * kBase);
      INFO("seed " << seed << ", edges " << before << " to " << current);
      REQUIRE(simulation.read(current));
      REQUIRE(simulation.last().waited ==
              simulation.truth().waited(before * kBase, current * kBase));
      REQUIRE(simulation.last().throttled ==
              simulation.truth().throttled(before * kBase, current * kBase));
    }
    INFO("seed " << seed);
    check_totals(simulation);
  }
}
