// SPDX-License-Identifier: Apache-2.0
#include "report_span.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>

#include "row_values.h"

namespace throttlelens {

namespace {

/// Of rows sorted by id. Null: not there.
template <typename Counters>
const Counters* find(const std::vector<Counters>& rows, std::uint64_t id) {
  const auto found = std::ranges::lower_bound(rows, id, {}, &Counters::id);
  return found != rows.end() && found->id == id ? &*found : nullptr;
}

}  // namespace

Span::Span(const Snapshot& snapshot, const Mark* start) : snapshot_(snapshot) {
  if (start == nullptr || snapshot.last_window <= start->window) return;
  start_ = start;
  seconds_ = to_seconds(snapshot.base * (snapshot.last_window - start->window));
  for (const std::shared_ptr<const Mark>& mark : *snapshot.marks) {
    if (mark->window > start->window) later_.push_back(mark.get());
    // Without the start, the peaks of the mark behind it reach further back.
    peaks_known_ = peaks_known_ || mark->window == start->window;
  }
}

SpanValues Span::of(const CgroupRow& row) const {
  SpanValues out;
  if (!seconds_) return out;
  out.peak_cores = as_cores(peak(row), snapshot_.base);
  const RowCounters zero{.id = row.id,
                         .usage = Nanoseconds(0),
                         .throttle_wait = Nanoseconds(0),
                         .contention_wait = Nanoseconds(0),
                         .throttled_time = Nanoseconds(0),
                         .peak = {}};
  const RowCounters* before = find(start_->rows, row.id);
  if (before == nullptr && began(row)) before = &zero;
  if (before == nullptr) return out;
  out.cores = rate(before->usage, row.usage);
  fill_throttling(out, *before, row);
  if (!row.waits) return out;
  out.throttle_wait = rate(before->throttle_wait, row.waits->throttle);
  out.contention_wait = rate(before->contention_wait, row.waits->contention);
  return out;
}

bool Span::began(const CgroupRow& row) const {
  return seconds_ && row.first_window && *row.first_window > start_->window;
}

std::optional<double> Span::overhead(const OverheadRow& row, OverheadComponent component,
                                     bool began) const {
  if (!seconds_) return std::nullopt;
  const auto index = static_cast<std::size_t>(component);
  const OverheadCounters* const before = find(start_->overhead, row.id);
  if (before == nullptr && !began) return std::nullopt;
  const auto had = before != nullptr ? before->cpu[index] : std::nullopt;
  return rate(had.value_or(Nanoseconds(0)), row.parts[index].cpu);
}

std::optional<double> Span::node_overhead(OverheadComponent component) const {
  if (!seconds_) return std::nullopt;
  const auto index = static_cast<std::size_t>(component);
  return rate(start_->node_overhead[index].value_or(Nanoseconds(0)),
              snapshot_.node_overhead[index]);
}

std::optional<double> Span::service(const ServiceRow& row) const {
  if (!seconds_) return std::nullopt;
  const auto before = std::ranges::find(start_->services, row.name, &ServiceRow::name);
  return before != start_->services.end() ? rate(before->cpu, row.cpu) : std::nullopt;
}

std::optional<Nanoseconds> Span::peak(const CgroupRow& row) const {
  if (!peaks_known_) return std::nullopt;
  std::optional<Nanoseconds> highest = row.peak_since_mark;
  for (const Mark* mark : later_) {
    const RowCounters* const counters = find(mark->rows, row.id);
    if (counters != nullptr) highest = std::max(highest, counters->peak);
  }
  return highest;
}

std::optional<double> Span::rate(std::optional<Nanoseconds> before,
                                 std::optional<Nanoseconds> now) const {
  if (!seconds_ || !before || !now || *now < *before) return std::nullopt;
  return to_seconds(*now - *before) / *seconds_;
}

void Span::fill_throttling(SpanValues& out, const RowCounters& before, const CgroupRow& now) const {
  const Bandwidth* const shown = row_values::shown_bandwidth(now);
  // Counters of a mark without the time were not read yet, and are 0 for no other reason.
  if (shown == nullptr || !before.throttled_time || shown->nr_periods < before.nr_periods ||
      shown->nr_throttled < before.nr_throttled) {
    return;
  }
  out.throttled = rate(before.throttled_time, shown->throttled_time);
  out.periods = shown->nr_periods - before.nr_periods;
  out.throttled_periods = shown->nr_throttled - before.nr_throttled;
  out.throttled_ratio = *out.periods == 0 ? 0.0
                                          : static_cast<double>(*out.throttled_periods) /
                                                static_cast<double>(*out.periods);
}

}  // namespace throttlelens
