// SPDX-License-Identifier: Apache-2.0
#include "snapshot_rows.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "shown_rows.h"
#include "totals.h"
#include "why.h"

namespace throttlelens::accounts {

SnapshotRows::SnapshotRows(const Rows& rows, const Names& names, const TimelineReading& reading,
                           const std::vector<WindowValue>& no_windows, std::uint32_t cpus_online)
    : rows_(rows),
      names_(names),
      no_windows_(no_windows),
      node_(reading.node),
      cpus_online_(cpus_online),
      series_(rows.by_path().size(), nullptr) {
  for (const SeriesReading& one : reading.cgroups) {
    if (const Row* row = rows.find(one.key)) series_[row->place] = &one;
  }
}

std::optional<Nanoseconds> SnapshotRows::usage(const Row& row) const {
  const SeriesReading* series = series_[row.place];
  return series != nullptr ? usage_of(row, series->total) : std::nullopt;
}

CgroupRow SnapshotRows::make(const Row& row) const {
  CgroupRow out;
  out.key = row.key;
  out.id = row.id;
  out.path = row.path;
  out.alive = !row.gone_at;
  out.bandwidth = row.bandwidth;
  const SeriesReading* series = series_[row.place];
  const Totals totals = totals_of(row, series);
  out.usage = totals.usage;
  out.limit_ratio = totals.limit_ratio;
  out.waits = totals.waits;
  out.peak_since_mark = totals.peak;
  out.first_window = totals.first_window;
  out.windows = series != nullptr ? series->windows : no_windows_;
  out.standing = standing(row);
  out.why = why(out, row);
  return out;
}

Standing SnapshotRows::standing(const Row& row) const {
  const ContainerIdentity* identity = names_.find(row.key);
  if (identity == nullptr || identity->role != ContainerRole::application) return Standing::cgroup;
  const bool in_pod = row.parent.id != 0 && row.parent == identity->pod_cgroup;
  return in_pod ? Standing::pod_container : Standing::container;
}

bool SnapshotRows::same_limit_above(const Row& row) const {
  const Row* above = rows_.find(row.parent);
  if (above == nullptr || !above->bandwidth || !row.bandwidth) return false;
  const auto& own = row.bandwidth->limit;
  const auto& limit = above->bandwidth->limit;
  return own && limit && own->quota == limit->quota && own->period == limit->period;
}

std::optional<Why> SnapshotRows::why(const CgroupRow& shown, const Row& row) const {
  const WindowValue* window = longest_window(shown.windows);
  if (window == nullptr) return std::nullopt;
  const auto node = std::ranges::find(node_, window->length, &NodeWindow::length);
  return why_of({.window = *window,
                 .standing = shown.standing,
                 .same_limit_above = same_limit_above(row),
                 .node_busy = node != node_.end() ? node->busy : std::nullopt,
                 .cpus_online = cpus_online_});
}

/// Marks the rows that have a container somewhere below them.
std::vector<bool> SnapshotRows::above_containers() const {
  std::vector<bool> above(rows_.by_path().size());
  for (const Row* row : rows_.by_path()) {
    if (names_.find(row->key) == nullptr) continue;
    for (const Row* up = rows_.find(row->parent); up != nullptr && !above[up->place];
         up = rows_.find(up->parent)) {
      above[up->place] = true;
    }
  }
  return above;
}

/// Marks the rows that lie below a container.
std::vector<bool> SnapshotRows::below_containers() const {
  std::vector<bool> below(rows_.by_path().size());
  for (const Row* row : rows_.by_path()) {  // parents come before their children
    const Row* parent = rows_.find(row->parent);
    if (parent == nullptr) continue;
    const ContainerIdentity* around = names_.find(parent->key);
    below[row->place] =
        below[parent->place] || (around != nullptr && around->role == ContainerRole::application);
  }
  return below;
}

std::vector<CgroupRow> SnapshotRows::cgroups() const {
  const std::vector<bool> above = above_containers();
  const std::vector<bool> below = below_containers();
  std::vector<CgroupRow> result;
  result.reserve(rows_.by_path().size());
  for (const Row* row : rows_.by_path()) {
    if (!is_cgroup_row(*row, names_)) continue;
    result.push_back(make(*row));
    result.back().holds_containers = above[row->place];
    result.back().in_container = below[row->place];
  }
  return result;
}

/// The newest with the counters of all.
CgroupRow SnapshotRows::sum_up(const Groups::Group& group, const Row& newest) const {
  CgroupRow out = make(newest);
  Totals others = group.ended;
  for (const CgroupKey key : group.members) {
    const Row* row = rows_.find(key);
    if (row != nullptr && row != &newest) others.add(totals_of(*row, series_[row->place]));
  }
  Totals all{.usage = out.usage,
             .bandwidth = out.bandwidth,
             .limit_ratio = out.limit_ratio,
             .waits = out.waits,
             .peak = out.peak_since_mark,
             .first_window = out.first_window};
  all.add(others);
  // A newest whose counter is not known would make the sum look like a total.
  if (out.usage) out.usage = all.usage;
  out.bandwidth = all.bandwidth;
  out.limit_ratio = all.limit_ratio;
  out.waits = all.waits;
  out.peak_since_mark = all.peak;
  out.first_window = all.first_window;
  out.id = group.id;
  return out;
}

std::vector<ContainerRow> SnapshotRows::containers() const {
  std::vector<ContainerRow> result;
  result.reserve(names_.containers().all().size());
  for (const auto& [name, group] : names_.containers().all()) {
    const Row* row = shown_row(group, rows_);
    if (row == nullptr) continue;
    ContainerRow& out = result.emplace_back();
    out.identity = names_.share(row->key);
    out.cpu = sum_up(group, *row);
    out.request = names_.request(row->key);
  }
  return result;
}

std::vector<PodRow> SnapshotRows::pods() const {
  std::vector<PodRow> result;
  result.reserve(names_.pods().all().size());
  for (const auto& [name, group] : names_.pods().all()) {
    const Row* row = shown_row(group, rows_);
    if (row == nullptr) continue;
    PodRow& out = result.emplace_back();
    out.pod_namespace = name.pod_namespace;
    out.pod = name.pod;
    out.uid = names_.pod_uid(row->key);
    out.cpu = sum_up(group, *row);
  }
  return result;
}

}  // namespace throttlelens::accounts
