// SPDX-License-Identifier: Apache-2.0
#include "top_columns.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "human.h"
#include "why_word.h"

namespace throttlelens {

namespace {

// Use and its limit, and what is in the way, stay longest; a total of what other columns break
// down goes first.
enum Rank {
  kUse,
  kWhy,
  kLimit,
  kQuotaWait,
  kCpuWait,
  kPeriods,
  kPeak,
  kOverhead,
  kMemory,
  kThrottledTime,
  kLongerUse
};
constexpr int kLastNeeded = kCpuWait;  ///< these make way for the heading only, not for long names

/// Of the words, in the order of Why.
constexpr std::array kWhyColors{kPlain, kRed, kRed, kRed, kYellow, kYellow};

Cell cores_cell(std::optional<double> value) {
  return Cell(value ? millicores(*value) : "-");
}

Cell ratio_cell(std::optional<double> ratio) {
  if (!ratio) return Cell("-");
  return Cell(percent(*ratio), *ratio >= 0.25 ? kRed : *ratio > 0 ? kYellow : kPlain);
}

Cell duration_cell(std::optional<Nanoseconds> value) {
  return Cell(value ? short_duration(*value) : "-");
}

Cell why_cell(std::optional<Why> why) {
  if (!why) return Cell("-");
  return Cell(std::string(why_word(*why)), kWhyColors[static_cast<std::size_t>(*why)]);
}

bool knows_waits(const TopRow& row) {
  return row.row->waits || row.quota_wait;
}

std::string span_of_longest(const Snapshot& now) {
  const auto longest = std::ranges::max_element(now.reported);
  return longest == now.reported.end() ? std::string() : " in the last " + exact_duration(*longest);
}

template <typename Add>
void add_waits(const Snapshot& now, const Add& add) {
  add("QUOTA-WAIT", kQuotaWait, "WAIT: time threads waited, per second",
      [](const TopRow& row) { return duration_cell(row.quota_wait); });
  add("CPU-WAIT", kCpuWait, "", [](const TopRow& row) { return duration_cell(row.cpu_wait); });
  add("WHY", kWhy, "WHY: what held it back" + span_of_longest(now),
      [](const TopRow& row) { return why_cell(row.row->why); });
}

}  // namespace

std::vector<Column> make_columns(const std::vector<TopRow>& rows, const Snapshot& now, bool rates,
                                 TopOrder order) {
  std::vector<Column> columns;
  const auto add = [&](std::string heading, int rank, std::string note, const auto& cell_of) {
    Column& column = columns.emplace_back(make_column(std::move(heading), rank, std::move(note)));
    for (const TopRow& row : rows) column.add(cell_of(row));
  };
  add("PEAK", kPeak,
      now.reported.empty() ? ""
                           : "PEAK: busiest " + exact_duration(now.reported.front()) + " of 60s",
      [](const TopRow& row) { return cores_cell(row.peak); });
  const std::size_t steady = now_window(now);
  for (std::size_t i = steady; i < now.reported.size(); ++i) {
    add("CPU " + exact_duration(now.reported[i]),
        i == steady ? kUse : kLongerUse + static_cast<int>(i), "", [i](const TopRow& row) {
          return cores_cell(i < row.use.size() ? row.use[i] : std::nullopt);
        });
  }
  add("LIMIT", kLimit, "", [](const TopRow& row) { return cores_cell(row.limit); });
  add("THR%", kPeriods, rates ? "THR: throttled periods; time/s" : "THR: throttled since made",
      [](const TopRow& row) { return ratio_cell(row.throttled_ratio); });
  add(rates ? "THR/s" : "THR", kThrottledTime, "",
      [](const TopRow& row) { return duration_cell(row.throttled_time); });
  if (std::ranges::any_of(rows, knows_waits)) add_waits(now, add);
  if (std::ranges::any_of(rows, [](const TopRow& row) { return row.overhead || row.memory; })) {
    add("OVERHEAD", order == TopOrder::overhead ? kUse : kOverhead,
        "OVERHEAD: CPU of shim, runc, pause, conmon", [](const TopRow& row) {
          return Cell(row.overhead ? fine_millicores(*row.overhead) : "-");
        });
    add("MEMORY", order == TopOrder::memory ? kUse : kMemory, "MEMORY: private, of those",
        [](const TopRow& row) {
          return Cell(row.memory ? mebibytes(static_cast<double>(*row.memory)) : "-");
        });
  }
  return columns;
}
int last_needed_column() {
  return kLastNeeded;
}

}  // namespace throttlelens
