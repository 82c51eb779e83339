// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

#include "episodes.h"

using namespace throttlelens;

namespace {

using GroupPtr = GroupTable::GroupPtr;
using Intervals = std::vector<Interval>;

constexpr ThrottleLevel kOwn = ThrottleLevel::own;
constexpr ThrottleLevel kParent = ThrottleLevel::parent;
constexpr ThrottleLevel kAbove = ThrottleLevel::above;

Interval between(std::int64_t begin, std::int64_t end) {
  return {.begin = Nanoseconds(begin), .end = Nanoseconds(end)};
}

GroupPtr child_of(const GroupPtr& parent, std::uint64_t id) {
  auto group = std::make_shared<Group>();
  group->key = {id};
  group->parent = parent;
  return group;
}

// An episode as numbers that compare and print well.
using Ended = std::pair<ThrottleLevel, std::int64_t>;

struct Told {
  Intervals parts;
  std::optional<ThrottleLevel> level;
  std::int64_t late = 0;
  std::vector<Ended> ended;
  friend bool operator==(const Told&, const Told&) = default;
};

std::ostream& operator<<(std::ostream& out, const Told& told) {
  for (const Interval& part : told.parts)
    out << '[' << part.begin.count() << ", " << part.end.count() << ") ";
  out << "level " << (told.level ? static_cast<int>(*told.level) : -1) << " late " << told.late;
  for (const auto& [level, length] : told.ended)
    out << " ended " << static_cast<int>(level) << ": " << length;
  return out;
}

// root 1 - pod 2 - container 3 - part 5
//                - container 4
struct Tree {
  GroupPtr root = child_of(nullptr, 1);
  GroupPtr pod = child_of(root, 2);
  GroupPtr container = child_of(pod, 3);
  GroupPtr sibling = child_of(pod, 4);
  GroupPtr part = child_of(container, 5);
};

struct Windows : Tree {
  void stall(const GroupPtr& group, std::int64_t begin, std::int64_t end, std::uint32_t level = 0) {
    episodes.add({.group = group, .level = level, .when = between(begin, end)});
  }
  // What was told of each cgroup, by id.
  std::map<std::uint64_t, Told> until(std::int64_t end) {
    std::map<std::uint64_t, Told> result;
    for (Throttling& throttling : episodes.advance(between(edge, end))) {
      Told& told = result[throttling.group->key.id];
      told.parts = std::move(throttling.parts);
      told.level = throttling.level;
      told.late = throttling.late.count();
      for (const ThrottleEpisode& episode : throttling.ended)
        told.ended.emplace_back(episode.level, episode.length.count());
    }
    edge = end;
    return result;
  }

  Episodes episodes;
  std::int64_t edge = 100;
};

using All = std::map<std::uint64_t, Told>;

}  // namespace

TEST_CASE("stalls of several CPUs are one episode as long as one of them lasts") {
  Windows windows;
  windows.stall(windows.pod, 130, 160);
  windows.stall(windows.pod, 110, 140);
  windows.stall(windows.pod, 160, 165);
  windows.stall(windows.pod, 120, 125);
  CHECK(windows.until(200) ==
        All{{2, {.parts = {between(110, 165)}, .level = kOwn, .late = 0, .ended = {{kOwn, 55}}}}});
  CHECK(windows.until(300) == All{});
}

TEST_CASE("between two episodes no queue is throttled") {
  Windows windows;
  windows.stall(windows.pod, 110, 120);
  windows.stall(windows.pod, 121, 150);
  CHECK(windows.until(200)[2] == Told{.parts = {between(110, 120), between(121, 150)},
                                      .level = kOwn,
                                      .late = 0,
                                      .ended = {{kOwn, 10}, {kOwn, 29}}});
}

TEST_CASE("an episode over windows is told in parts, and ends once") {
  Windows windows;
  windows.stall(windows.pod, 160, 200);
  CHECK(windows.until(200) ==
        All{{2, {.parts = {between(160, 200)}, .level = kOwn, .late = 0, .ended = {}}}});
  for (std::int64_t edge = 300; edge <= 2000; edge += 100) {
    windows.stall(windows.pod, edge - 100, edge);
    CHECK(windows.until(edge)[2] ==
          Told{.parts = {between(edge - 100, edge)}, .level = kOwn, .late = 0, .ended = {}});
  }
  windows.stall(windows.pod, 2000, 2030);
  CHECK(windows.until(2100)[2] == Told{.parts = {between(2000, 2030)},
                                       .level = kOwn,
                                       .late = 0,
                                       .ended = {{kOwn, 2030 - 160}}});
  CHECK(windows.until(2200) == All{});
}

TEST_CASE("an episode ends when the last of its stalls does") {
  Windows windows;
  windows.stall(windows.pod, 150, 200);
  windows.stall(windows.pod, 170, 200);
  windows.until(200);
  windows.stall(windows.pod, 150, 210);
  windows.stall(windows.pod, 170, 300);
  CHECK(windows.until(300)[2] ==
        Told{.parts = {between(200, 300)}, .level = kOwn, .late = 0, .ended = {}});
  windows.stall(windows.pod, 170, 340);
  CHECK(windows.until(400)[2] ==
        Told{.parts = {between(300, 340)}, .level = kOwn, .late = 0, .ended = {{kOwn, 190}}});
}

TEST_CASE("stalls that touch at a window's edge are one episode") {
  Windows windows;
  windows.stall(windows.pod, 160, 200);
  CHECK(windows.until(200)[2] ==
        Told{.parts = {between(160, 200)}, .level = kOwn, .late = 0, .ended = {}});
  SECTION("another one begins there") {
    windows.stall(windows.pod, 200, 230, 1);
    CHECK(windows.until(300)[2] ==
          Told{.parts = {between(200, 230)}, .level = kOwn, .late = 0, .ended = {{kOwn, 70}}});
  }
  SECTION("none does: its end is known one window later") {
    CHECK(windows.until(300) ==
          All{{2, {.parts = {}, .level = {}, .late = 0, .ended = {{kOwn, 40}}}}});
    CHECK(windows.until(400) == All{});
  }
  SECTION("one begins a little later") {
    windows.stall(windows.pod, 201, 230);
    CHECK(windows.until(300)[2] == Told{.parts = {between(201, 230)},
                                        .level = kOwn,
                                        .late = 0,
                                        .ended = {{kOwn, 40}, {kOwn, 29}}});
  }
}

TEST_CASE("a stall that ended after the edge counts to both windows") {
  Windows windows;  // a late reader knows the future
  windows.stall(windows.pod, 160, 230);
  windows.stall(windows.pod, 350, 360);
  CHECK(windows.until(200)[2] ==
        Told{.parts = {between(160, 200)}, .level = kOwn, .late = 0, .ended = {}});
  CHECK(windows.until(300)[2] ==
        Told{.parts = {between(200, 230)}, .level = kOwn, .late = 0, .ended = {{kOwn, 70}}});
  CHECK(windows.until(400)[2] ==
        Told{.parts = {between(350, 360)}, .level = kOwn, .late = 0, .ended = {{kOwn, 10}}});
}

TEST_CASE("a quota throttles its own cgroup and those below, not those above") {
  Windows windows;
  const Told told{.parts = {between(110, 150)}, .level = kOwn, .late = 0, .ended = {{kOwn, 40}}};
  const auto as = [&](ThrottleLevel level) {
    Told other = told;
    other.level = level;
    other.ended.front().first = level;
    return other;
  };
  SECTION("its own") {
    windows.stall(windows.container, 110, 150, 0);
    CHECK(windows.until(200) == All{{3, told}});
  }
  SECTION("the parent's") {
    windows.stall(windows.container, 110, 150, 1);
    CHECK(windows.until(200) == All{{3, as(kParent)}, {2, told}});
  }
  SECTION("further up") {
    windows.stall(windows.part, 110, 150, 2);
    CHECK(windows.until(200) == All{{5, as(kAbove)}, {3, as(kParent)}, {2, told}});
  }
  SECTION("the top") {
    windows.stall(windows.part, 110, 150, 3);
    CHECK(windows.until(200) == All{{5, as(kAbove)}, {3, as(kAbove)}, {2, as(kParent)}, {1, told}});
  }
  SECTION("more levels than there are") {
    windows.stall(windows.pod, 110, 150, 9);
    CHECK(windows.until(200) == All{{2, as(kAbove)}, {1, as(kAbove)}});
  }
}

TEST_CASE("the row of a parent is throttled while any of its children is by its quota") {
  Windows windows;
  windows.stall(windows.container, 110, 150, 1);
  windows.stall(windows.sibling, 140, 200, 1);
  windows.stall(windows.container, 170, 180, 0);  // its own quota
  CHECK(windows.until(200) ==
        All{{2, {.parts = {between(110, 200)}, .level = kOwn, .late = 0, .ended = {}}},
            {3,
             {.parts = {between(110, 150), between(170, 180)},
              .level = kParent,
              .late = 0,
              .ended = {{kParent, 40}, {kOwn, 10}}}},
            {4, {.parts = {between(140, 200)}, .level = kParent, .late = 0, .ended = {}}}});
}

TEST_CASE("an episode has the level that began it, whatever follows") {
  Windows windows;
  windows.stall(windows.container, 110, 120, 1);
  windows.stall(windows.container, 115, 190, 0);
  CHECK(windows.until(200)[3] ==
        Told{.parts = {between(110, 190)}, .level = kParent, .late = 0, .ended = {{kParent, 80}}});
}

TEST_CASE("a window's level is that of its longest part") {
  Windows windows;
  windows.stall(windows.container, 110, 120, 0);
  windows.stall(windows.container, 130, 160, 1);
  windows.stall(windows.container, 170, 190, 2);
  CHECK(windows.until(200)[3].level == kParent);
  windows.stall(windows.container, 210, 230, 2);
  windows.stall(windows.container, 260, 300, 0);
  CHECK(windows.until(300)[3].level == kOwn);
  // The episode goes on for 5 only, which its length does not change.
  windows.stall(windows.container, 260, 305, 0);
  windows.stall(windows.container, 310, 316, 1);
  CHECK(windows.until(400)[3].level == kParent);
}

TEST_CASE("what is heard of too late is told once, and is in no window") {
  Windows windows;
  windows.edge = 200;
  SECTION("all of it") {
    windows.stall(windows.pod, 150, 170);
    CHECK(windows.until(300) ==
          All{{2, {.parts = {}, .level = kOwn, .late = 20, .ended = {{kOwn, 20}}}}});
  }
  SECTION("part of it") {
    windows.stall(windows.pod, 150, 230);
    CHECK(windows.until(300)[2] ==
          Told{.parts = {between(200, 230)}, .level = kOwn, .late = 50, .ended = {{kOwn, 80}}});
  }
  SECTION("of two CPUs") {
    windows.stall(windows.pod, 150, 230);
    windows.stall(windows.pod, 160, 190);
    windows.stall(windows.pod, 190, 210);
    CHECK(windows.until(300)[2] ==
          Told{.parts = {between(200, 230)}, .level = kOwn, .late = 50, .ended = {{kOwn, 80}}});
  }
  SECTION("another CPU's part of it was told in time") {
    windows.stall(windows.pod, 260, 300);
    CHECK(windows.until(300)[2].parts == Intervals{between(260, 300)});
    windows.stall(windows.pod, 260, 310);
    windows.stall(windows.pod, 270, 330);  // was not noticed before
    CHECK(windows.until(400)[2] ==
          Told{.parts = {between(300, 330)}, .level = kOwn, .late = 0, .ended = {{kOwn, 70}}});
  }
  CHECK(windows.until(500) == All{});
}

TEST_CASE("stalls without length are none") {
  Windows windows;
  windows.stall(windows.pod, 150, 150);
  windows.stall(windows.pod, 180, 170);
  windows.stall(windows.pod, 210, 220);  // begins after the edge
  CHECK(windows.until(200) == All{});
}

namespace {

// One bit per moment in which a cgroup was throttled.
struct Line {
  std::vector<bool> at = std::vector<bool>(3000);
  void mark(std::int64_t begin, std::int64_t end) {
    std::fill(at.begin() + begin, at.begin() + end, true);
  }
  std::int64_t within(std::int64_t begin, std::int64_t end) const {
    return std::count(at.begin() + begin, at.begin() + end, true);
  }
  std::vector<std::int64_t> lengths() const {
    std::vector<std::int64_t> result;
    for (std::size_t i = 1; i < at.size(); ++i) {
      if (!at[i]) continue;
      if (!at[i - 1]) result.push_back(0);
      ++result.back();
    }
    return result;
  }
};

struct RandomStall {
  std::size_t group = 0;
  std::uint32_t level = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t told = 0;  // up to here
};

}  // namespace

TEST_CASE("random stalls, read in time or late, come to what a time line shows") {
  std::mt19937 random(11);
  const auto below = [&](int limit) { return std::uniform_int_distribution(0, limit - 1)(random); };
  for (int round = 0; round < 200; ++round) {
    INFO("round " << round);
    Windows windows;
    const std::array<GroupPtr, 5> groups{windows.root, windows.pod, windows.container,
                                         windows.sibling, windows.part};
    std::vector<RandomStall> stalls;
    std::map<std::uint64_t, Line> lines;
    for (int n = 1 + below(30); n > 0; --n) {
      RandomStall stall{.group = static_cast<std::size_t>(below(5)),
                        .level = static_cast<std::uint32_t>(below(4)),
                        .begin = 100 + below(1800)};
      stall.end = stall.begin + 1 + below(below(4) == 0 ? 900 : 60);
      stalls.push_back(stall);
      GroupPtr group = groups[stall.group];
      for (std::uint32_t above = 0; above <= stall.level && group; ++above, group = group->parent)
        lines[group->key.id].mark(stall.begin, stall.end);
    }
    std::map<std::uint64_t, std::vector<std::int64_t>> ended;
    const bool in_parts = below(2) == 0;
    for (std::int64_t edge = 200; edge <= 2900; edge += 100) {
      const std::int64_t now = edge + (below(2) == 0 ? 0 : below(200));
      for (RandomStall& stall : stalls) {
        const std::int64_t from = in_parts ? std::max(stall.told, stall.begin) : stall.begin;
        if (stall.told < stall.end && stall.end <= now) {
          stall.told = stall.end;
          windows.stall(groups[stall.group], from, stall.end, stall.level);
        } else if (stall.told < stall.end && stall.begin < edge) {
          stall.told = edge;
          windows.stall(groups[stall.group], from, edge, stall.level);
        }
      }
      auto result = windows.until(edge);
      for (const auto& [id, line] : lines) {
        INFO("cgroup " << id << " at " << edge);
        std::int64_t throttled = 0;
        for (const Interval& part : result[id].parts) {
          throttled += (part.end - part.begin).count();
          REQUIRE(part.begin.count() >= edge - 100);
          REQUIRE(part.end.count() <= edge);
        }
        REQUIRE(throttled == line.within(edge - 100, edge));
        REQUIRE(result[id].late == 0);
        REQUIRE(result[id].level.has_value() == (throttled > 0));
        for (const Ended& episode : result[id].ended) ended[id].push_back(episode.second);
      }
    }
    for (const auto& [id, line] : lines) REQUIRE(ended[id] == line.lengths());
  }
}
