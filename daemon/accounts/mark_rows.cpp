// SPDX-License-Identifier: Apache-2.0
#include "mark_rows.h"

#include <algorithm>

#include "shown_rows.h"
#include "totals.h"

namespace throttlelens::accounts {
namespace {

void add(RowCounters& to, const RowCounters& from) {
  add_known(to.usage, from.usage);
  add_known(to.throttle_wait, from.throttle_wait);
  add_known(to.contention_wait, from.contention_wait);
  add_known(to.throttled_time, from.throttled_time);
  to.nr_periods += from.nr_periods;
  to.nr_throttled += from.nr_throttled;
  to.peak = std::max(to.peak, from.peak);
}

void add_bandwidth(RowCounters& to, const std::optional<Bandwidth>& bandwidth) {
  if (!bandwidth) return;
  to.throttled_time = bandwidth->throttled_time;
  to.nr_periods = bandwidth->nr_periods;
  to.nr_throttled = bandwidth->nr_throttled;
}

RowCounters counters_of(const Totals& totals) {
  RowCounters out;
  out.usage = totals.usage;
  if (totals.waits) {
    out.throttle_wait = totals.waits->throttle;
    out.contention_wait = totals.waits->contention;
  }
  add_bandwidth(out, totals.bandwidth);
  out.peak = totals.peak;
  return out;
}

/// A row of the mark to be: of a group, or of a single cgroup.
struct Source {
  std::uint64_t id;
  const Row* row;
  const Groups::Group* group;  ///< null: a cgroup
};

}  // namespace

MarkRows::MarkRows(const Rows& rows, const Names& names, const CountersReading& reading)
    : rows_(rows), names_(names), series_(rows.by_path().size(), nullptr) {
  for (const CounterReading& one : reading.cgroups) {
    if (const Row* row = rows.find(one.key)) series_[row->place] = &one;
  }
}

std::optional<Nanoseconds> MarkRows::usage(const Row& row) const {
  const CounterReading* series = series_[row.place];
  return series != nullptr ? usage_of(row, series->total) : std::nullopt;
}

RowCounters MarkRows::make(const Row& row) const {
  RowCounters out;
  out.id = row.id;
  add_bandwidth(out, row.bandwidth);
  const CounterReading* series = series_[row.place];
  if (series == nullptr) return out;
  out.usage = usage_of(row, series->total);
  out.throttle_wait = series->throttle_wait;
  out.contention_wait = series->contention_wait;
  out.peak = series->peak;
  return out;
}

/// As SnapshotRows sums up a group.
RowCounters MarkRows::sum_up(const Groups::Group& group, const Row& newest) const {
  RowCounters out = make(newest);
  const bool usage_known = out.usage.has_value();
  add(out, counters_of(group.ended));
  for (const CgroupKey key : group.members) {
    const Row* row = rows_.find(key);
    if (row != nullptr && row != &newest) add(out, make(*row));
  }
  if (!usage_known) out.usage.reset();
  out.id = group.id;
  return out;
}

std::vector<RowCounters> MarkRows::all() const {
  std::vector<Source> sources;
  sources.reserve(rows_.by_path().size() + names_.pods().all().size());
  for (const Row* row : rows_.by_path()) {
    if (is_cgroup_row(*row, names_)) sources.push_back({.id = row->id, .row = row, .group = {}});
  }
  for (const Groups* groups : {&names_.containers(), &names_.pods()}) {
    for (const auto& [name, group] : groups->all()) {
      if (const Row* row = shown_row(group, rows_)) {
        sources.push_back({.id = group.id, .row = row, .group = &group});
      }
    }
  }
  std::ranges::sort(sources, {}, &Source::id);  // before the rows are made: those are larger
  std::vector<RowCounters> out;
  out.reserve(sources.size());
  for (const Source& source : sources) {
    out.push_back(source.group != nullptr ? sum_up(*source.group, *source.row) : make(*source.row));
  }
  return out;
}

}  // namespace throttlelens::accounts
