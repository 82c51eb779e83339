// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <utility>

namespace throttlelens::accounts {

Rows::Rows(PathFilter filter, Nanoseconds keep_dead, std::size_t max_dead)
    : filter_(std::move(filter)), keep_dead_(keep_dead), max_dead_(max_dead) {}

void Rows::apply(const WindowBatch& batch, MonoTime now) {
  for (const CgroupAppeared& appeared : batch.appeared) appear(appeared, batch.first);
  if (!batch.appeared.empty()) put_in_order();
  for (const BandwidthSample& sample : batch.bandwidth) {
    const auto found = by_key_.find(sample.key);
    if (found != by_key_.end()) found->second->bandwidth = sample.value;
  }
  for (const CgroupKey key : batch.gone) leave(key, now);
}

void Rows::set_filter(PathFilter filter) {
  filter_ = std::move(filter);
  for (auto& [path, row] : rows_) row.shown = filter_.shows(*row.path);
}

std::vector<Row> Rows::take_ended(MonoTime now) {
  bool dropped = false;
  // Whoever may make cgroups could fill our memory with ended ones otherwise.
  while (!deaths_.empty() &&
         (now - deaths_.front().at >= keep_dead_ || deaths_.size() > max_dead_)) {
    const Death death = deaths_.front();
    deaths_.pop_front();
    const auto found = by_key_.find(death.key);
    if (found == by_key_.end() || found->second->gone_at != death.at) continue;
    drop(death.key);
    dropped = true;
  }
  if (dropped) put_in_order();
  std::vector<Row> ended;
  ended.reserve(ended_.size());
  for (auto& [key, row] : ended_) ended.push_back(std::move(row));
  ended_.clear();
  return ended;
}

/// Its row becomes one that ended.
void Rows::drop(CgroupKey key) {
  const auto found = by_key_.find(key);
  const auto row = rows_.find(std::string_view(*found->second->path));
  by_key_.erase(found);
  ended_[key] = std::move(row->second);
  rows_.erase(row);
}

const Row* Rows::find(CgroupKey key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second;
}

void Rows::appear(const CgroupAppeared& appeared, WindowIndex first) {
  Row row;
  row.key = appeared.key;
  row.parent = appeared.parent;
  row.usage_before = appeared.usage_before;
  if (appeared.usage_before == Nanoseconds(0)) row.first_window = first;
  ended_.erase(appeared.key);
  // Announced again, maybe under a new name: what is known stays, unless that one had died.
  if (const auto known = by_key_.find(appeared.key); known != by_key_.end()) {
    const Row& old = *known->second;
    if (!old.gone_at) {
      row.id = old.id;
      row.bandwidth = old.bandwidth;
      row.first_window = old.first_window;
      if (!row.usage_before) row.usage_before = old.usage_before;
    }
    rows_.erase(std::string_view(*old.path));
    by_key_.erase(known);
  }
  if (row.id == 0) row.id = ids_.next();
  row.path = std::make_shared<const std::string>(appeared.path);
  row.shown = filter_.shows(*row.path);

  if (const auto same_path = rows_.find(*row.path); same_path != rows_.end()) {
    drop(same_path->second.key);
  }
  const std::string_view path = *row.path;
  by_key_[appeared.key] = &rows_.emplace(path, std::move(row)).first->second;
}

void Rows::leave(CgroupKey key, MonoTime now) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    // A cgroup superseded earlier may have been named since; nobody else would forget it.
    ended_[key].key = key;
  } else if (!found->second->gone_at) {
    found->second->gone_at = now;
    deaths_.push_back({.at = now, .key = key});
  }
}

void Rows::put_in_order() {
  by_path_.clear();
  by_path_.reserve(rows_.size());
  for (auto& [path, row] : rows_) {
    row.place = by_path_.size();
    by_path_.push_back(&row);
  }
}

}  // namespace throttlelens::accounts
