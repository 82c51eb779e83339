// SPDX-License-Identifier: Apache-2.0
// Waits, stalls and idling put together: what a batch says of each cgroup.
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

#include <catch2/catch.hpp>

#include "waits.h"

using namespace throttlelens;

namespace {

constexpr tl_u64 kMs = 1'000'000;
constexpr std::uint32_t kSlots = 8;

Nanoseconds ms(std::int64_t count) {
  return std::chrono::milliseconds(count);
}

// A machine of two CPUs with / 1, /pod 2, /pod/a 3, /pod/b 4; slot = id, serial = id * 10.
struct Scene {
  explicit Scene(bool lost_known = true)
      : waits({.cpus = cpus,
               .cells = cells,
               .touched = {},
               .running = {},
               .idles = idles,
               .max_slots = kSlots},
              ms(100), lost_known, [this](std::span<tl_queue> requests) {
                for (tl_queue& request : requests) {
                  request.valid = 1;
                  request.growing = growing;
                  request.time = time;
                  request.at = at;
                }
              }) {
    announce(1, 0, "");
    announce(2, 1, "pod");
    announce(3, 2, "a");
    announce(4, 2, "b");
    for (tl_cpu& cpu : cpus) {
      cpu.task = 0x1000;
      cpu.pid = 7;
    }
    read(10, {});
  }

  void announce(std::uint64_t id, std::uint64_t parent, const char* name) {
    tl_event_cgroup event{};
    event.id = id;
    event.slot = static_cast<tl_u32>(id);
    event.serial = id * 10;
    event.parent_id = parent;
    event.parent_serial = parent * 10;
    std::strncpy(event.name, name, sizeof event.name - 1);
    groups.announced_by_kernel(event, 10);
  }

  tl_cell& cell(std::uint32_t slot, std::uint32_t cpu = 0) {
    tl_cell& c = cells[cpu * kSlots + slot];
    c.serial = slot * 10;
    c.wait_window = 10;
    return c;
  }
  void was_idle(std::uint32_t cpu, tl_u64 since, tl_u64 until) {
    idles[cpu * TL_IDLES + cpus[cpu].idles++ % TL_IDLES] = {.since = since * kMs,
                                                            .until = until * kMs};
  }
  // A stall that is over, all of it new.
  void stall(std::uint32_t slot, tl_u64 since, tl_u64 until, tl_u32 level, std::uint32_t cpu = 0,
             bool noticed = true) {
    tl_event_stall event{};
    event.kind = TL_EVENT_STALL;
    event.slot = slot;
    event.serial = slot * 10;
    event.cpu = cpu;
    event.level = level;
    event.from = since * kMs;
    event.to = until * kMs;
    event.until = until * kMs;
    event.noticed = noticed ? 1 : 0;
    waits.ended(event);
  }

  // What was told of each cgroup, by id.
  std::map<std::uint64_t, CgroupWaits> read(WindowIndex edge,
                                            const std::vector<CellPlace>& touched) {
    REQUIRE(waits.gather(edge, touched));
    const auto end = ms(static_cast<std::int64_t>(edge) * 100);
    batch = waits.commit({.begin = end - ms(100), .end = end}, groups, online);
    std::map<std::uint64_t, CgroupWaits> result;
    for (const CgroupWaits& entry : batch.cgroups) {
      CHECK(entry.throttled_while_idle <= entry.waits.throttled);
      REQUIRE(result.emplace(entry.key.id, entry).second);  // one entry each
    }
    return result;
  }

  std::vector<tl_cpu> cpus = std::vector<tl_cpu>(2);
  std::vector<tl_cell> cells = std::vector<tl_cell>(2 * kSlots);
  std::vector<tl_idle> idles = std::vector<tl_idle>(2 * TL_IDLES);
  std::vector<std::uint32_t> online{0, 1};
  tl_u32 growing = 0;
  tl_u64 time = 0;
  tl_u64 at = 0;
  GroupTable groups;
  Waits waits;
  BatchWaits batch;
};

WaitAmounts amounts(std::int64_t throttle, std::int64_t contention, std::int64_t throttled = 0,
                    std::optional<ThrottleLevel> level = {}) {
  return {.throttle = ms(throttle),
          .contention = ms(contention),
          .throttled = ms(throttled),
          .level = level};
}

using Episode = std::pair<ThrottleLevel, Nanoseconds>;

std::vector<Episode> episodes(const CgroupWaits& waits) {
  std::vector<Episode> result;
  for (const ThrottleEpisode& episode : waits.episodes)
    result.emplace_back(episode.level, episode.length);
  return result;
}

}  // namespace

TEST_CASE("nothing happened, nothing is told") {
  Scene scene;
  CHECK(scene.read(11, {}).empty());
  CHECK(scene.batch.lost_known);
  Scene other(false);
  CHECK_FALSE(other.batch.lost_known);
}

TEST_CASE("waits count to the cgroup and to all above it") {
  Scene scene;
  tl_cell& a = scene.cell(3);
  a.wait_ns = 30 * kMs;
  a.throttled_ns = 12 * kMs;
  a.lost_ns = 2 * kMs;
  a.ended_ns[TL_THROTTLE] = 12 * kMs;
  a.ended_ns[TL_CONTENTION] = 18 * kMs;
  a.ended[TL_THROTTLE][3] = 1;
  a.ended[TL_CONTENTION][0] = 4;
  tl_cell& b = scene.cell(4, 1);
  b.wait_ns = 5 * kMs;
  b.ended_ns[TL_CONTENTION] = 5 * kMs;
  b.ended[TL_CONTENTION][2] = 1;
  const auto told = scene.read(11, {{0, 3}, {1, 4}});
  REQUIRE(told.size() == 4);
  CHECK(told.at(3).waits == amounts(12, 18));
  CHECK(told.at(3).lost == ms(2));
  CHECK(told.at(3).throttle_waits ==
        DurationHistogram{.buckets = {0, 0, 0, 1, 0, 0, 0, 0}, .sum = ms(12)});
  CHECK(told.at(3).contention_waits ==
        DurationHistogram{.buckets = {4, 0, 0, 0, 0, 0, 0, 0}, .sum = ms(18)});
  CHECK(told.at(4).waits == amounts(0, 5));
  for (const std::uint64_t above : {1U, 2U}) {
    CHECK(told.at(above).waits == amounts(12, 23));
    CHECK(told.at(above).lost == ms(2));
    CHECK(told.at(above).throttle_waits == told.at(3).throttle_waits);
    CHECK(told.at(above).contention_waits ==
          DurationHistogram{.buckets = {4, 0, 1, 0, 0, 0, 0, 0}, .sum = ms(23)});
  }
  CHECK(scene.read(12, {{0, 3}, {1, 4}}).at(3).waits == WaitAmounts{});
}

TEST_CASE("a cgroup that is not known has no row, and none above it either") {
  Scene scene;
  scene.cell(5).wait_ns = 30 * kMs;
  scene.stall(5, 1010, 1020, 0);
  CHECK(scene.read(11, {{0, 5}}).empty());
  SECTION("one that was removed") {
    scene.cell(3).wait_ns = 30 * kMs;
    scene.groups.remove({3});
    scene.stall(3, 1110, 1120, 1);
    CHECK(scene.read(12, {{0, 3}}).empty());
  }
}

TEST_CASE("a stall is wall-clock time of every cgroup below the quota that ran dry") {
  Scene scene;
  scene.stall(3, 1010, 1040, 1, 0);
  scene.stall(4, 1030, 1060, 1, 1);
  scene.stall(3, 1080, 1085, 0, 1);
  const auto told = scene.read(11, {});
  REQUIRE(told.size() == 3);
  CHECK(told.at(2).waits.throttled == ms(50));
  CHECK(told.at(2).waits.level == ThrottleLevel::own);
  CHECK(episodes(told.at(2)) == std::vector<Episode>{{ThrottleLevel::own, ms(50)}});
  CHECK(told.at(3).waits.throttled == ms(35));
  CHECK(told.at(3).waits.level == ThrottleLevel::parent);
  CHECK(episodes(told.at(3)) ==
        std::vector<Episode>{{ThrottleLevel::parent, ms(30)}, {ThrottleLevel::own, ms(5)}});
  CHECK(told.at(4).waits.throttled == ms(30));
  CHECK(scene.read(12, {}).empty());
}

TEST_CASE("a stall on another's account is the other's to tell of the level that ran dry") {
  Scene scene;
  scene.stall(3, 1010, 1040, 1, 0);
  scene.stall(4, 1020, 1050, 1, 0, false);  // placed too late
  const auto told = scene.read(11, {});
  CHECK(told.at(2).waits.throttled == ms(30));
  CHECK(told.at(3).waits.throttled == ms(30));
  CHECK(told.at(4).waits.throttled == ms(30));
}

TEST_CASE("a stall in progress is told up to the edge, and its episode when it ends") {
  Scene scene;
  tl_cell& cell = scene.cell(3);
  cell.wait_ns = 0 - 1020 * kMs;
  cell.waiting = 1;
  cell.held = 1;
  cell.stall_since = 1020 * kMs;
  scene.growing = 1;
  scene.time = 0;
  scene.at = 1020 * kMs;
  auto told = scene.read(11, {{0, 3}});
  CHECK(told.at(3).waits == amounts(80, 0, 80, ThrottleLevel::own));
  CHECK(told.at(2).waits == amounts(80, 0));
  CHECK(told.at(3).episodes.empty());
  told = scene.read(12, {});
  CHECK(told.at(3).waits.throttled == ms(100));
  // Throttled for 190 ms; then the thread waited for a CPU.
  cell.wait_window = 12;
  cell.wait_ns = 210 * kMs;
  cell.waiting = 0;
  cell.wait_edge[12 % TL_EDGES] = 180 * kMs;
  cell.held = 0;
  cell.throttled_ns = 190 * kMs;
  cell.settled = 190 * kMs;
  cell.throttle_edge[12 % TL_EDGES] = 180 * kMs;
  cell.stall_since = 0;
  tl_event_stall event{};
  event.serial = 30;
  event.to = 190 * kMs;
  event.until = 1210 * kMs;
  scene.waits.ended(event);
  told = scene.read(13, {{0, 3}});
  CHECK(told.at(3).waits == amounts(10, 20, 10, ThrottleLevel::own));
  CHECK(episodes(told.at(3)) == std::vector<Episode>{{ThrottleLevel::own, ms(190)}});
  CHECK(told.at(2).episodes.empty());
}

TEST_CASE("an episode can end without anything else to tell") {
  Scene scene;
  scene.stall(3, 1080, 1100, 0);
  CHECK(episodes(scene.read(11, {}).at(3)).empty());
  const auto told = scene.read(12, {});
  REQUIRE(told.size() == 1);
  CHECK(told.at(3).waits == WaitAmounts{});
  CHECK(episodes(told.at(3)) == std::vector<Episode>{{ThrottleLevel::own, ms(20)}});
}

TEST_CASE("throttled while a CPU was idle") {
  Scene scene;
  scene.stall(3, 1010, 1040, 0);
  scene.stall(4, 1035, 1060, 1);
  scene.was_idle(0, 990, 1015);
  scene.was_idle(0, 1038, 1050);
  scene.was_idle(1, 1039, 1055);
  scene.was_idle(1, 1070, 1090);
  SECTION("any CPU") {
    const auto told = scene.read(11, {});
    CHECK(told.at(3).throttled_while_idle == ms(5 + 2));
    CHECK(told.at(4).throttled_while_idle == ms(55 - 38));
    CHECK(told.at(2).throttled_while_idle == ms(55 - 38));
  }
  SECTION("that is online") {
    scene.online = {1};
    const auto told = scene.read(11, {});
    CHECK(told.at(3).throttled_while_idle == ms(1));
    CHECK(told.at(4).throttled_while_idle == ms(55 - 39));
  }
}

TEST_CASE("what is heard of too late is time of its level") {
  Scene scene;
  scene.read(11, {});
  scene.stall(3, 1010, 1040, 0);
  scene.was_idle(0, 1010, 1150);
  const auto told = scene.read(12, {});
  CHECK(told.at(3).waits == amounts(0, 0, 30, ThrottleLevel::own));
  CHECK(told.at(3).throttled_while_idle == ms(0));
  CHECK(episodes(told.at(3)) == std::vector<Episode>{{ThrottleLevel::own, ms(30)}});
}

TEST_CASE("a slot that was taken over tells of both cgroups") {
  Scene scene;
  tl_event_evicted event{};
  event.slot = 3;
  event.cell = scene.cell(3);
  event.cell.wait_ns = 8 * kMs;
  scene.waits.evicted(event);
  scene.cells[3].serial = 40;  // of /pod/b now
  scene.cells[3].wait_ns = 3 * kMs;
  const auto told = scene.read(11, {{0, 3}});
  CHECK(told.at(3).waits.contention == ms(8));
  CHECK(told.at(4).waits.contention == ms(3));
  CHECK(told.at(2).waits.contention == ms(11));
}
