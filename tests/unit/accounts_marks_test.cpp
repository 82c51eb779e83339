// SPDX-License-Identifier: Apache-2.0
// Which marks of the past are kept, and for how long.
#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include <catch2/catch.hpp>

#include "marks.h"

namespace throttlelens::accounts {
namespace {

using namespace std::chrono_literals;

/// One row of its own, id 7, whose peak in the stretch before the mark is given.
std::shared_ptr<const Mark> mark(Nanoseconds at, std::optional<Nanoseconds> peak = {}) {
  auto mark = std::make_shared<Mark>();
  mark->at = {at};
  RowCounters row;
  row.id = 7;
  row.peak = peak;
  mark->rows = {row};
  return mark;
}

std::vector<int> ages(const Marks& marks) {
  std::vector<int> ages;
  for (const auto& one : marks) {
    const auto age = marks.back()->at - one->at;
    ages.push_back(static_cast<int>(std::chrono::duration_cast<std::chrono::seconds>(age).count()));
  }
  return ages;
}

Marks every_second(int first, int last, Nanoseconds history) {
  Marks marks;
  for (int second = first; second <= last; ++second) {
    marks = with_newest(marks, mark(std::chrono::seconds(second)), history);
  }
  return marks;
}

TEST_CASE("marks are the closer together the younger they are") {
  const std::vector<int> expected{300, 270, 240, 210, 180, 150, 120, 90, 65, 60, 55, 50, 45, 40, 35,
                                  30,  25,  20,  15,  10,  9,   8,   7,  6,  5,  4,  3,  2,  1,  0};
  CHECK(ages(every_second(0, 900, 5min)) == expected);
  CHECK(ages(every_second(0, 900 + 3600, 5min)) == expected);
}

TEST_CASE("there is always a mark that is old enough, and not much older") {
  Marks marks;
  for (int second = 17; second <= 1000; ++second) {
    CAPTURE(second);
    marks = with_newest(marks, mark(std::chrono::seconds(second)), 5min);
    CHECK(std::ranges::is_sorted(marks, {}, [](const auto& one) { return one->at; }));
    CHECK(marks.size() <= 31);
    // A snapshot comes up to a second after the newest.
    for (const Nanoseconds later : {0ms, 900ms}) {
      const MonoTime now = marks.back()->at + later;
      for (const int span : {1, 2, 5, 10, 11, 30, 60, 61, 120, 300}) {
        CAPTURE(span);
        const auto found = mark_before(marks, now, std::chrono::seconds(span));
        if (second - 17 < span) {
          if (later == 0ms) CHECK(found == nullptr);
          continue;
        }
        REQUIRE(found != nullptr);
        const auto age = now - found->at;
        CHECK(age >= std::chrono::seconds(span));
        CHECK(age < std::chrono::seconds(span) + (span <= 10 ? 1s : span <= 60 ? 6s : 31s));
      }
    }
  }
}

TEST_CASE("a shorter history keeps one mark that old") {
  CHECK(ages(every_second(0, 100, 5s)) == std::vector<int>{5, 4, 3, 2, 1, 0});
  CHECK(ages(every_second(0, 103, 20s)) ==
        std::vector<int>{23, 18, 13, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  CHECK(ages(every_second(0, 103, 0s)) == std::vector<int>{0});
}

TEST_CASE("what was between two marks may have any length") {
  Marks marks = every_second(0, 20, 5min);
  marks = with_newest(marks, mark(1000s + 300ms), 5min);  // asleep for a while
  REQUIRE(marks.size() == 2);
  CHECK(marks[0]->at == MonoTime{20s});
  marks = with_newest(marks, mark(1001s), 5min);
  CHECK(marks.size() == 3);
}

TEST_CASE("the peak of any stretch between marks is that of all its seconds") {
  std::vector<Nanoseconds> peaks;
  Marks marks;
  std::uint32_t random = 12345;
  for (int second = 0; second <= 700; ++second) {
    random = random * 1664525 + 1013904223;
    peaks.emplace_back(random % 1000);
    marks = with_newest(marks, mark(std::chrono::seconds(second), peaks.back()), 5min);
    const auto found = mark_before(marks, marks.back()->at, 45s);
    if (found == nullptr || second % 10 != 0) continue;
    CAPTURE(second);
    std::optional<Nanoseconds> highest;
    for (const auto& one : marks) {
      if (one->at > found->at) highest = std::max(highest, one->rows.at(0).peak);
    }
    const auto first = static_cast<std::ptrdiff_t>(found->at.since_boot / 1s) + 1;
    CHECK(highest == *std::max_element(peaks.begin() + first, peaks.end()));
  }
}

TEST_CASE("peaks go to the same row of the next mark, and others may go on reading the old one") {
  const auto rows = [](std::vector<std::pair<std::uint64_t, std::optional<Nanoseconds>>> peaks) {
    std::vector<RowCounters> out;
    for (const auto& [id, peak] : peaks) {
      out.emplace_back().id = id;
      out.back().peak = peak;
      out.back().usage = Nanoseconds(id);
    }
    return out;
  };
  const auto with_rows = [](Nanoseconds at, std::vector<RowCounters> given) {
    auto mark = std::make_shared<Mark>();
    mark->at = {at};
    mark->rows = std::move(given);
    return mark;
  };
  const std::shared_ptr<const Mark> next =
      with_rows(2s, rows({{2, 5ns}, {3, std::nullopt}, {4, 9ns}, {6, std::nullopt}, {8, 1ns}}));
  const Marks before{
      mark(0s), with_rows(1s, rows({{1, 99ns}, {2, 7ns}, {3, 4ns}, {4, 3ns}, {5, 99ns}})), next};
  const Marks after = with_newest(before, mark(12s), 5min);
  REQUIRE(after.size() == 3);  // 0, 2 (it is 10 s old), 12
  const std::vector<RowCounters>& folded = after[1]->rows;
  REQUIRE(folded.size() == 5);
  CHECK(folded[0].peak == 7ns);
  CHECK(folded[1].peak == 4ns);
  CHECK(folded[2].peak == 9ns);
  CHECK_FALSE(folded[3].peak);
  CHECK(folded[4].peak == 1ns);
  CHECK(folded[0].usage == 2ns);
  CHECK(next->rows[0].peak == 5ns);
  CHECK(after[0] == before[0]);
}

}  // namespace
}  // namespace throttlelens::accounts
