// SPDX-License-Identifier: Apache-2.0
// The reading of shared memory, on memory laid out by hand.
#include <map>
#include <vector>

#include <catch2/catch.hpp>

#include "edge_reader.h"

using namespace throttlelens;

namespace {

constexpr tl_u64 kBase = 100'000'000;  // 100 ms
constexpr std::uint32_t kSlots = 8;
constexpr tl_u64 kMs = 1'000'000;

// One machine's shared memory. CPU clocks are CLOCK_MONOTONIC unless a test sets offset_ns.
struct Memory {
  explicit Memory(std::size_t cpu_count = 1)
      : cpus(cpu_count),
        cells(cpu_count * kSlots),
        touched(cpu_count * TL_LISTS * kSlots),
        running(cpu_count) {}

  SharedView view() { return {cpus, cells, touched, running, {}, kSlots}; }

  tl_cell& cell(std::uint32_t slot, std::uint32_t cpu = 0) { return cells[cpu * kSlots + slot]; }

  // As the switch program does it: a slice that ended now, in `window`.
  void charge(std::uint32_t slot, tl_u64 serial, tl_u64 window, tl_u64 before_edge, tl_u64 after,
              std::uint32_t cpu = 0) {
    tl_cell& c = cell(slot, cpu);
    c.serial = serial;
    if (c.window != window) {
      c.edge_ns[window % TL_EDGES] = c.ran_ns + before_edge;
      c.window = window;
      auto& lists = cpus[cpu];
      const auto list = window % TL_LISTS;
      if (lists.list_window[list] != window) lists.list_length[list] = 0;
      lists.list_window[list] = window;
      touched[(cpu * TL_LISTS + list) * kSlots + lists.list_length[list]++] =
          static_cast<std::uint16_t>(slot);
    }
    c.ran_ns += before_edge + after;
  }

  // A thread of `slot` on the CPU since `since`; as of `clock` it was charged `charged`.
  void run(std::uint32_t slot, tl_u64 serial, tl_u64 since, tl_u64 clock, tl_u64 charged) {
    tl_cpu& cpu = cpus[0];
    cpu.seq += 2;
    cpu.task = 0x1000 + cpu.seq;
    cpu.pid = slot == TL_SLOT_IDLE ? 0 : 7;
    cpu.slot = slot;
    cpu.serial = serial;
    cpu.since = since;
    cpu.sum_in = 5000;
    running[0] = {.valid = 1,
                  .seq = cpu.seq,
                  .clock = clock,
                  .task = cpu.task,
                  .sum = 5000 + charged,
                  .sum_start = 5000,
                  .serial = serial,
                  .slot = slot,
                  .pid = cpu.pid,
                  .recorded_sum = 0,
                  .waiting = 0};
  }

  std::vector<tl_cpu> cpus;
  std::vector<tl_cell> cells;
  std::vector<std::uint16_t> touched;
  std::vector<tl_running> running;
};

struct Reader {
  explicit Reader(Memory& memory) : edges(memory.view(), Nanoseconds(kBase)) {
    std::vector<CellDelta> ignored;
    REQUIRE(edges.gather(10, 10, true));
    edges.commit(ignored);
  }

  // What was added per serial up to the edge.
  std::map<tl_u64, tl_u64> read(WindowIndex edge, WindowIndex current, bool scan_all = false) {
    std::vector<CellDelta> deltas;
    REQUIRE(edges.gather(edge, current, scan_all));
    edges.commit(deltas);
    std::map<tl_u64, tl_u64> sums;
    for (const CellDelta& delta : deltas) sums[delta.serial] += delta.ns;
    return sums;
  }

  EdgeReader edges;
};

using Sums = std::map<tl_u64, tl_u64>;

}  // namespace

TEST_CASE("a charge within the window is read at its end, once") {
  Memory memory;
  Reader reader(memory);
  memory.charge(3, 30, 10, 0, 4 * kMs);
  CHECK(reader.read(11, 11) == Sums{{30, 4 * kMs}});
  CHECK(reader.read(12, 12) == Sums{});
}

TEST_CASE("a slice across the edge is split where the program split it") {
  Memory memory;
  Reader reader(memory);
  memory.charge(3, 30, 11, 6 * kMs, 2 * kMs);  // ended in window 11, began in 10
  CHECK(reader.read(11, 11) == Sums{{30, 6 * kMs}});
  CHECK(reader.read(12, 12) == Sums{{30, 2 * kMs}});
}

TEST_CASE("a slice in progress counts up to the edge") {
  Memory memory;
  Reader reader(memory);
  SECTION("the last tick was before the edge: it goes on until there") {
    memory.run(2, 20, 1090 * kMs, 1098 * kMs, 8 * kMs);
    CHECK(reader.read(11, 11) == Sums{{20, 10 * kMs}});
  }
  SECTION("the last tick was after the edge: by the share of time") {
    memory.run(2, 20, 1090 * kMs, 1110 * kMs, 20 * kMs);
    CHECK(reader.read(11, 11) == Sums{{20, 10 * kMs}});
  }
  SECTION("time lost to interrupts or steal is not charged") {
    memory.run(2, 20, 1000 * kMs, 1100 * kMs, 70 * kMs);
    CHECK(reader.read(11, 11) == Sums{{20, 70 * kMs}});
  }
  SECTION("a slice that began after the edge is not in the window") {
    memory.run(2, 20, 1101 * kMs, 1102 * kMs, kMs);
    CHECK(reader.read(11, 11) == Sums{});
  }
  SECTION("the CPU's clock differs from CLOCK_MONOTONIC") {
    memory.run(2, 20, 590 * kMs, 598 * kMs, 8 * kMs);
    memory.cpus[0].offset_ns = 500 * kMs;
    CHECK(reader.read(11, 11) == Sums{{20, 10 * kMs}});
  }
  SECTION("idle time is wall time") {
    memory.run(TL_SLOT_IDLE, 0, 1040 * kMs, 0, 0);
    CHECK(reader.read(11, 11) == Sums{{0, 60 * kMs}});
  }
  SECTION("nothing is known of the running thread: wall time") {
    memory.run(2, 20, 1090 * kMs, 1098 * kMs, 8 * kMs);
    memory.running[0].valid = 0;
    CHECK(reader.read(11, 11) == Sums{{20, 10 * kMs}});
  }
}

TEST_CASE("of a long slice that could not be read only the time since last time is guessed") {
  Memory memory;
  Reader reader(memory);
  memory.run(2, 20, 500 * kMs, 1096 * kMs, 550 * kMs);
  memory.running[0].valid = 0;
  CHECK(reader.read(11, 11) == Sums{{20, 100 * kMs}});
  CHECK(reader.read(12, 12) == Sums{{20, 100 * kMs}});
  // Once it can be read again the charge itself counts: 550 ms by 1096 ms, and on since.
  memory.run(2, 20, 500 * kMs, 1296 * kMs, 550 * kMs);
  CHECK(reader.read(13, 13) == Sums{{20, (554 - 200) * kMs}});
}

TEST_CASE("an estimate that ran ahead of the charge is made good by the next window") {
  Memory memory;
  Reader reader(memory);
  memory.run(2, 20, 1000 * kMs, 1096 * kMs, 96 * kMs);  // estimates 100 ms
  CHECK(reader.read(11, 11) == Sums{{20, 100 * kMs}});
  // The tick that followed took 3 ms for interrupts: 97 ms were charged, and 50 ms since.
  memory.charge(2, 20, 11, 97 * kMs, 50 * kMs);
  memory.run(TL_SLOT_IDLE, 0, 1150 * kMs, 0, 0);
  CHECK(reader.read(12, 12)[20] == 47 * kMs);
}

TEST_CASE("an estimate beyond everything charged takes nothing back") {
  Memory memory;
  Reader reader(memory);
  memory.run(2, 20, 1000 * kMs, 1096 * kMs, 96 * kMs);
  CHECK(reader.read(11, 11) == Sums{{20, 100 * kMs}});
  memory.charge(2, 20, 11, 98 * kMs, 0);
  memory.run(TL_SLOT_IDLE, 0, 1101 * kMs, 0, 0);
  CHECK(reader.read(12, 12).contains(20) == false);
  memory.charge(2, 20, 12, 0, 5 * kMs);
  CHECK(reader.read(13, 13)[20] == 3 * kMs);  // the sum is what was charged: 103 ms
}

TEST_CASE("a thread moved while it runs counts to each cgroup its part") {
  Memory memory;
  Reader reader(memory);
  memory.run(2, 20, 1000 * kMs, 1096 * kMs, 96 * kMs);
  tl_cpu& cpu = memory.cpus[0];
  const auto move = [&](tl_u64 charged, std::uint32_t slot, tl_u64 serial) {
    cpu.move[cpu.moves++ % TL_MOVES] = {.task = cpu.task,
                                        .sum = 5000 + charged,
                                        .group = 0,
                                        .serial = serial,
                                        .slot = slot,
                                        .reserved = 0};
  };
  SECTION("once") {
    move(30 * kMs, 4, 40);
    CHECK(reader.read(11, 11) == Sums{{20, 30 * kMs}, {40, 70 * kMs}});
  }
  SECTION("there and back") {
    move(30 * kMs, 4, 40);
    move(50 * kMs, 2, 20);
    CHECK(reader.read(11, 11) == Sums{{20, 80 * kMs}, {40, 20 * kMs}});
  }
  SECTION("after the edge") {
    memory.run(2, 20, 1000 * kMs, 1120 * kMs, 120 * kMs);
    move(110 * kMs, 4, 40);
    CHECK(reader.read(11, 11) == Sums{{20, 100 * kMs}});
  }
  SECTION("moves of an earlier slice or another thread are not its own") {
    move(10 * kMs, 4, 40);
    cpu.moves_seen = cpu.moves;
    move(20 * kMs, 5, 50);
    cpu.move[1].task = 0x9999;
    CHECK(reader.read(11, 11) == Sums{{20, 100 * kMs}});
  }
  SECTION("more moves than are kept: the oldest are one part") {
    for (tl_u64 i = 1; i <= 6; ++i) move(i * 10 * kMs, i % 2 == 1 ? 4 : 2, i % 2 == 1 ? 40 : 20);
    // Kept are the moves at 30 (to 4), 40 (to 2), 50 (to 4) and 60 ms (to 2).
    CHECK(reader.read(11, 11) == Sums{{20, (30 + 10 + 40) * kMs}, {40, 20 * kMs}});
  }
}

TEST_CASE("after a lost switch both threads count with what the kernel tells of them") {
  Memory memory;
  Reader reader(memory);
  memory.run(2, 20, 1000 * kMs, 1100 * kMs, 0);
  tl_running& running = memory.running[0];
  running.task = 0x9999;  // not the one recorded
  running.recorded_sum = 5000 + 20 * kMs;
  running.slot = 4;
  running.serial = 40;
  running.pid = 9;
  running.sum_start = 0;
  running.sum = 60 * kMs;
  CHECK(reader.read(11, 11) == Sums{{20, 20 * kMs}, {40, 60 * kMs}});
  SECTION("idle came unseen") {
    Memory other;
    Reader fresh(other);
    other.run(2, 20, 1000 * kMs, 1100 * kMs, 0);
    other.running[0].task = 0x9999;
    other.running[0].recorded_sum = 5000 + 20 * kMs;
    other.running[0].pid = 0;
    CHECK(fresh.read(11, 11) == Sums{{0, 80 * kMs}, {20, 20 * kMs}});
  }
}

TEST_CASE("a thread that came unseen cannot have run longer than the time there was") {
  Memory memory;
  Reader reader(memory);
  memory.run(TL_SLOT_IDLE, 0, 1000 * kMs, 1100 * kMs, 0);
  tl_running& running = memory.running[0];
  running.task = 0x9999;
  running.pid = 9;
  running.slot = 4;
  running.serial = 40;
  running.clock = 1100 * kMs;
  running.sum = 3'600'000 * kMs;  // its class does not keep sum_start
  running.sum_start = 0;
  CHECK(reader.read(11, 11)[40] <= 100 * kMs);
}

TEST_CASE("a late reader still finds edges up to TL_EDGES windows old, and no older") {
  Memory memory;
  Reader reader(memory);
  memory.charge(3, 30, 10, 0, 4 * kMs);
  memory.charge(3, 30, 13, 0, 2 * kMs);
  // The program fills all edges since the last charge; here they are all 4 ms.
  for (tl_u64& edge : memory.cell(3).edge_ns) edge = 4 * kMs;
  CHECK(reader.read(11, 13) == Sums{{30, 4 * kMs}});
  CHECK(reader.read(12, 13) == Sums{});
  memory.charge(3, 30, 16, 0, kMs);
  CHECK_FALSE(reader.edges.gather(12, 16, false));
  // A later edge holds all that is between.
  for (tl_u64& edge : memory.cell(3).edge_ns) edge = 6 * kMs;
  CHECK(reader.read(14, 16, true) == Sums{{30, 2 * kMs}});
}

TEST_CASE("lists that were reused are not trusted") {
  Memory memory;
  Reader reader(memory);
  memory.cpus[0].list_window[11 % TL_LISTS] = 11 + TL_LISTS;
  CHECK_FALSE(reader.edges.gather(11, 11, false));
  CHECK(reader.edges.gather(11, 11, true));
}

TEST_CASE("a slot taken over by a newer cgroup keeps the two apart") {
  Memory memory;
  Reader reader(memory);
  memory.charge(3, 30, 10, 0, 4 * kMs);
  CHECK(reader.read(11, 11) == Sums{{30, 4 * kMs}});
  memory.charge(3, 30, 11, 0, 3 * kMs);
  const tl_event_evicted event{
      .kind = TL_EVENT_EVICTED, .slot = 3, .cpu = 0, .reserved = 0, .cell = memory.cell(3)};
  const auto take_over = [&] {
    memory.cell(3) = {};
    memory.charge(3, 31, 11, 0, 9 * kMs);
  };
  SECTION("the final cell arrives before the new one is read") {
    take_over();
    reader.edges.evicted(event);
    CHECK(reader.read(12, 12) == Sums{{30, 3 * kMs}, {31, 9 * kMs}});
  }
  SECTION("it arrives later") {
    take_over();
    CHECK(reader.read(12, 12) == Sums{{31, 9 * kMs}});
    reader.edges.evicted(event);
    CHECK(reader.read(13, 13) == Sums{{30, 3 * kMs}});
  }
  SECTION("its last charge is in the window after") {
    tl_event_evicted later = event;
    later.cell.window = 12;
    later.cell.edge_ns[12 % TL_EDGES] = 5 * kMs;
    take_over();
    reader.edges.evicted(later);
    CHECK(reader.read(12, 12) == Sums{{30, kMs}, {31, 9 * kMs}});
    CHECK(reader.read(13, 13) == Sums{{30, 2 * kMs}});
  }
  CHECK(reader.read(14, 14) == Sums{});
}

TEST_CASE("a running thread of a newer cgroup than the cell's") {
  Memory memory;
  Reader reader(memory);
  memory.charge(3, 30, 10, 0, 4 * kMs);
  memory.run(3, 31, 1080 * kMs, 1100 * kMs, 20 * kMs);
  CHECK(reader.read(11, 11) == Sums{{30, 4 * kMs}, {31, 20 * kMs}});
  // Its first charge takes the cell over: nothing is counted twice.
  reader.edges.evicted(
      {.kind = TL_EVENT_EVICTED, .slot = 3, .cpu = 0, .reserved = 0, .cell = memory.cell(3)});
  memory.cell(3) = {};
  memory.charge(3, 31, 11, 20 * kMs, 5 * kMs);
  memory.run(TL_SLOT_IDLE, 0, 1105 * kMs, 0, 0);
  CHECK(reader.read(12, 12) == Sums{{0, 95 * kMs}, {31, 5 * kMs}});
}

TEST_CASE("events that do not fit this machine are ignored") {
  Memory memory;
  Reader reader(memory);
  reader.edges.evicted({.kind = TL_EVENT_EVICTED, .slot = 3, .cpu = 99, .reserved = 0, .cell = {}});
  reader.edges.evicted(
      {.kind = TL_EVENT_EVICTED, .slot = kSlots, .cpu = 0, .reserved = 0, .cell = {}});
  CHECK(reader.read(11, 11) == Sums{});
}

TEST_CASE("CPUs are read one by one and add up") {
  Memory memory(3);
  Reader reader(memory);
  memory.charge(3, 30, 10, 0, 4 * kMs, 0);
  memory.charge(3, 30, 10, 0, 5 * kMs, 2);
  CHECK(reader.read(11, 11) == Sums{{30, 9 * kMs}});
}
