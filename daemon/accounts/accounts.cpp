// SPDX-License-Identifier: Apache-2.0
#include "accounts/accounts.h"

#include <cstdint>
#include <utility>

#include "rows.h"

namespace throttlelens {

using accounts::Row;
using accounts::Rows;

namespace {

/// Absent when the kernel's counter at the start is unknown.
std::optional<Nanoseconds> usage(const Row& row, const SeriesReading& reading) {
  if (!row.usage_before) return std::nullopt;
  std::int64_t sum = 0;
  if (__builtin_add_overflow(row.usage_before->count(), reading.total.count(), &sum)) {
    return Nanoseconds::max();
  }
  return Nanoseconds(sum);
}

}  // namespace

struct Accounts::Impl {
  std::vector<CgroupRow> cgroups(const TimelineReading& reading) const;

  Nanoseconds base;
  std::vector<Nanoseconds> reported;
  std::vector<WindowValue> no_windows;  ///< one per reported length, values absent
  Rows rows;
  std::uint32_t cpus_online = 0;
  SourceLosses losses;
};

std::vector<CgroupRow> Accounts::Impl::cgroups(const TimelineReading& reading) const {
  const std::vector<const Row*>& by_path = rows.by_path();
  std::vector<const SeriesReading*> series(by_path.size(), nullptr);
  for (const SeriesReading& one : reading.cgroups) {
    if (const Row* row = rows.find(one.key)) series[row->place] = &one;
  }
  std::vector<CgroupRow> result;
  result.reserve(by_path.size());
  for (const Row* row : by_path) {
    if (!row->shown) continue;
    CgroupRow& out = result.emplace_back();
    out.key = row->key;
    out.path = row->path;
    out.alive = !row->gone_at;
    out.bandwidth = row->bandwidth;
    if (const SeriesReading* one = series[row->place]) {
      out.usage = usage(*row, *one);
      out.windows = one->windows;
      out.limit_ratio = one->limit_ratio;
    } else {
      out.windows = no_windows;
    }
  }
  return result;
}

Accounts::Accounts(const AccountsOptions& options)
    : impl_(new Impl{
          .base = options.base,
          .reported = options.reported,
          .no_windows = {},
          .rows = Rows({.include = options.include, .exclude = options.exclude}, options.keep_dead),
          .cpus_online = 0,
          .losses = {}}) {
  impl_->no_windows.reserve(options.reported.size());
  for (const Nanoseconds length : options.reported) {
    impl_->no_windows.push_back({.length = length, .last = {}, .peak = {}});
  }
}

Accounts::~Accounts() = default;

void Accounts::apply(const WindowBatch& batch, MonoTime now) {
  impl_->rows.apply(batch, now);
  impl_->losses = batch.losses;
  if (batch.node.cpus_online != 0) impl_->cpus_online = batch.node.cpus_online;
}

std::vector<CgroupKey> Accounts::take_ended(MonoTime now) {
  return impl_->rows.take_ended(now);
}

std::shared_ptr<const Snapshot> Accounts::snapshot(const TimelineReading& reading,
                                                   const ProbeInfo& probe, MonoTime now) const {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->taken = now;
  snapshot->last_window = reading.last_window;
  snapshot->ready = reading.ready;
  snapshot->base = impl_->base;
  snapshot->reported = impl_->reported;
  snapshot->probe = probe;
  snapshot->cpus_online = impl_->cpus_online;
  snapshot->node = reading.node;
  snapshot->cgroups = impl_->cgroups(reading);
  snapshot->losses = impl_->losses;
  return snapshot;
}

void Accounts::set_filters(std::vector<std::string> include, std::vector<std::string> exclude) {
  impl_->rows.set_filter({.include = std::move(include), .exclude = std::move(exclude)});
}

}  // namespace throttlelens
