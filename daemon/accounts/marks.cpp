// SPDX-License-Identifier: Apache-2.0
#include "marks.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace throttlelens::accounts {
namespace {

using std::chrono::seconds;

struct Spacing {
  Nanoseconds up_to_age;
  Nanoseconds step;  ///< 0: all; each divides the next, which so keeps what is there
};
// A minute and one step more, so that whoever asks for a minute gets hardly more.
constexpr std::array kSpacings{
    Spacing{.up_to_age = seconds(10), .step = Nanoseconds(0)},
    Spacing{.up_to_age = seconds(65), .step = seconds(5)},
    Spacing{.up_to_age = Nanoseconds::max(), .step = seconds(30)},
};

/// Aligned to the clock and not to the newest: the same ones stay from call to call.
std::int64_t slot(MonoTime at, Nanoseconds step) {
  return at.since_boot / step;
}

bool needed(MonoTime at, std::optional<MonoTime> before, MonoTime now) {
  const auto* spacing = std::ranges::find_if(
      kSpacings, [age = now - at](const Spacing& one) { return age <= one.up_to_age; });
  if (spacing->step == Nanoseconds(0) || !before) return true;
  return slot(at, spacing->step) != slot(*before, spacing->step);
}

/// Both are by id.
void fold_peaks(const std::vector<RowCounters>& dropped, std::vector<RowCounters>& next) {
  auto from = dropped.begin();
  for (RowCounters& row : next) {
    while (from != dropped.end() && from->id < row.id) ++from;
    if (from == dropped.end()) return;
    if (from->id == row.id) row.peak = std::max(row.peak, from->peak);  // absent is the least
  }
}

}  // namespace

Marks with_newest(const Marks& marks, std::shared_ptr<const Mark> newest, Nanoseconds history) {
  const MonoTime now = newest->at;
  Marks all = marks;
  all.push_back(std::move(newest));
  // Nobody asks for the peak until the oldest, so those before it leave nothing behind.
  const auto reaches = std::ranges::partition_point(
      all, [&](const auto& mark) { return now - mark->at >= history; });
  Marks kept;
  for (auto next = reaches == all.begin() ? reaches : std::prev(reaches); next != all.end();
       ++next) {
    const auto before = kept.empty() ? std::nullopt : std::optional(kept.back()->at);
    if (needed((*next)->at, before, now)) {
      kept.push_back(*next);
    } else if (const auto younger = std::next(next); younger != all.end()) {
      auto changed = std::make_shared<Mark>(**younger);  // others may be reading it
      fold_peaks((*next)->rows, changed->rows);
      *younger = std::move(changed);
    }
  }
  return kept;
}

}  // namespace throttlelens::accounts
