// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#include <algorithm>
#include <utility>

namespace throttlelens::accounts {

Rows::Rows(PathFilter filter, Nanoseconds keep_dead)
    : filter_(std::move(filter)), keep_dead_(keep_dead) {}

void Rows::apply(const WindowBatch& batch, MonoTime now) {
  for (const CgroupAppeared& appeared : batch.appeared) appear(appeared);
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

std::vector<CgroupKey> Rows::take_ended(MonoTime now) {
  bool dropped = false;
  while (!deaths_.empty() && now - deaths_.front().at >= keep_dead_) {
    const Death death = deaths_.front();
    deaths_.pop_front();
    const auto found = by_key_.find(death.key);
    if (found == by_key_.end() || found->second->gone_at != death.at) continue;
    ended_.push_back(death.key);
    rows_.erase(std::string_view(*found->second->path));
    by_key_.erase(found);
    dropped = true;
  }
  if (dropped) put_in_order();
  std::ranges::sort(ended_);
  const auto repeated = std::ranges::unique(ended_);
  ended_.erase(repeated.begin(), repeated.end());
  return std::exchange(ended_, {});
}

const Row* Rows::find(CgroupKey key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second;
}

void Rows::appear(const CgroupAppeared& appeared) {
  Row row;
  row.key = appeared.key;
  row.usage_before = appeared.usage_before;
  std::erase(ended_, appeared.key);
  // Announced again, maybe under a new name: what is known stays, unless that one had died.
  if (const auto known = by_key_.find(appeared.key); known != by_key_.end()) {
    const Row& old = *known->second;
    if (!old.gone_at) {
      row.bandwidth = old.bandwidth;
      if (!row.usage_before) row.usage_before = old.usage_before;
    }
    rows_.erase(std::string_view(*old.path));
    by_key_.erase(known);
  }
  row.path = std::make_shared<const std::string>(appeared.path);
  row.shown = filter_.shows(*row.path);

  if (const auto same_path = rows_.find(*row.path); same_path != rows_.end()) {
    ended_.push_back(same_path->second.key);
    by_key_.erase(same_path->second.key);
    rows_.erase(same_path);
  }
  const std::string_view path = *row.path;
  by_key_[appeared.key] = &rows_.emplace(path, std::move(row)).first->second;
}

void Rows::leave(CgroupKey key, MonoTime now) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    // A cgroup superseded earlier may have been named since; nobody else would forget it.
    ended_.push_back(key);
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
