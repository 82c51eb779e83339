// SPDX-License-Identifier: Apache-2.0
#include "accounts/accounts.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>

#include "mark_rows.h"
#include "marks.h"
#include "names.h"
#include "overhead_rows.h"
#include "rows.h"
#include "sandboxes.h"
#include "snapshot_rows.h"
#include "totals.h"

namespace throttlelens {

using accounts::Names;
using accounts::Row;
using accounts::Rows;

namespace {

constexpr auto kPause = static_cast<std::size_t>(OverheadComponent::pause);

}  // namespace

struct Accounts::Impl {
  Nanoseconds base;
  std::vector<Nanoseconds> reported;
  std::vector<WindowValue> no_windows;  ///< one per reported length, values absent
  Rows rows;
  Names names;
  accounts::OverheadRows overhead;
  Nanoseconds marks_reach;
  std::shared_ptr<const Marks> marks = std::make_shared<const Marks>();  ///< oldest first
  std::optional<MonoTime> applied_until;  ///< end of the last window of the last batch
  std::uint32_t cpus_online = 0;
  SourceLosses losses;

  /// For each row that ended: whether a container or pod around it has counted the same time.
  std::vector<bool> inside_others(const std::vector<Row>& ended) const;
  MonoTime end_of(WindowIndex window) const {
    return {base * static_cast<std::int64_t>(window + 1)};
  }
  void show_overhead(Snapshot& snapshot, const OverheadReading& reading,
                     const accounts::UsageOf& usage_of);
};

void Accounts::Impl::show_overhead(Snapshot& snapshot, const OverheadReading& reading,
                                   const accounts::UsageOf& usage_of) {
  const accounts::SandboxReading sandboxes = accounts::read_sandboxes(names, rows, usage_of);
  snapshot.overhead = overhead.show(reading, sandboxes, names, rows);
  snapshot.node_overhead = reading.node;
  snapshot.node_overhead[kPause] = sandboxes.node;
  snapshot.services = reading.services;
  snapshot.lost_processes = reading.lost_processes;
}

std::vector<bool> Accounts::Impl::inside_others(const std::vector<Row>& ended) const {
  std::unordered_map<CgroupKey, const Row*> ending;  // parents may end together with children
  for (const Row& row : ended) ending.emplace(row.key, &row);
  const auto find = [&](CgroupKey key) {
    const auto found = ending.find(key);
    return found != ending.end() ? found->second : rows.find(key);
  };
  const auto counts = [&](const Row& row) {
    return row.usage_before && (names.find(row.key) != nullptr || names.pods().has(row.key));
  };
  std::vector<bool> inside(ended.size());
  for (std::size_t i = 0; i < ended.size(); ++i) {
    const Row* up = find(ended[i].parent);
    while (up != nullptr && !counts(*up)) up = find(up->parent);
    inside[i] = up != nullptr;
  }
  return inside;
}

Accounts::Accounts(const AccountsOptions& options)
    : impl_(new Impl{.base = options.base,
                     .reported = options.reported,
                     .no_windows = {},
                     .rows = Rows({.include = options.include, .exclude = options.exclude},
                                  options.keep_dead, options.max_dead),
                     .names = {},
                     .overhead = {},
                     .marks_reach = options.marks,
                     .applied_until = {},
                     .cpus_online = 0,
                     .losses = {}}) {
  impl_->no_windows.reserve(options.reported.size());
  for (const Nanoseconds length : options.reported) {
    impl_->no_windows.push_back({.length = length, .last = {}, .peak = {}, .waits = {}});
  }
}

Accounts::~Accounts() = default;

void Accounts::apply(const WindowBatch& batch, MonoTime now) {
  impl_->rows.apply(batch, now);
  for (const CgroupAppeared& appeared : batch.appeared) impl_->names.announce(appeared.key);
  if (batch.count > 0) impl_->applied_until = impl_->end_of(batch.first + batch.count - 1);
  impl_->losses = batch.losses;
  if (batch.node.cpus_online != 0) impl_->cpus_online = batch.node.cpus_online;
}

std::vector<Identified> Accounts::identify(const std::vector<Identified>& identified,
                                           const std::vector<CgroupKey>& gone, MonoTime now) {
  for (const CgroupKey key : gone) impl_->names.leave(key, now);
  std::vector<Identified> shown;
  shown.reserve(identified.size());
  for (const Identified& one : identified) {
    shown.push_back({.key = one.key, .identity = impl_->names.identify(one)});
  }
  return shown;
}

const ContainerIdentity* Accounts::container_around(CgroupKey key) const {
  const ContainerIdentity* identity = impl_->names.find(key);
  for (const Row* row = impl_->rows.find(key); identity == nullptr && row != nullptr;
       row = impl_->rows.find(row->parent)) {
    identity = impl_->names.find(row->parent);
  }
  return identity;
}

bool Accounts::is_container(CgroupKey key) const {
  return impl_->names.find(key) != nullptr;
}

void Accounts::set_weight(CgroupKey key, CpuWeight weight) {
  impl_->names.set_weight(key, weight);
}

std::vector<CgroupKey> Accounts::take_ended(MonoTime now, const LastReading& last) {
  const std::vector<Row> ended = impl_->rows.take_ended(now);
  const std::vector<bool> inside = impl_->inside_others(ended);
  std::vector<CgroupKey> keys;
  keys.reserve(ended.size());
  for (std::size_t i = 0; i < ended.size(); ++i) {
    const Row& row = ended[i];
    const auto series = last(row.key);
    impl_->names.end(row.key, accounts::totals_of(row, series ? &*series : nullptr),
                     inside[i] || !row.shown);
    keys.push_back(row.key);
  }
  impl_->names.drop_left(impl_->rows, now);
  return keys;
}

std::shared_ptr<const Snapshot> Accounts::snapshot(const TimelineReading& reading,
                                                   const OverheadReading& overhead,
                                                   const ProbeInfo& probe,
                                                   std::vector<MetadataErrors> metadata_errors,
                                                   MonoTime now) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->taken = now;
  snapshot->last_window = reading.last_window;
  snapshot->ready = reading.ready;
  snapshot->base = impl_->base;
  snapshot->reported = impl_->reported;
  snapshot->probe = probe;
  snapshot->cpus_online = impl_->cpus_online;
  snapshot->node = reading.node;
  const accounts::SnapshotRows rows(impl_->rows, impl_->names, reading, impl_->no_windows,
                                    impl_->cpus_online);
  snapshot->cgroups = rows.cgroups();
  snapshot->containers = rows.containers();
  snapshot->pods = rows.pods();
  for (const auto& [pod_namespace, usage] : impl_->names.ended()) {
    snapshot->ended.push_back({.pod_namespace = pod_namespace, .usage = usage});
  }
  impl_->show_overhead(*snapshot, overhead, [&](const Row& row) { return rows.usage(row); });
  snapshot->marks = impl_->marks;
  snapshot->metadata_errors = std::move(metadata_errors);
  snapshot->losses = impl_->losses;
  return snapshot;
}

bool Accounts::mark_due() const {
  const auto& until = impl_->applied_until;
  if (!until || impl_->marks->empty()) return until.has_value();
  constexpr Nanoseconds kSecond = std::chrono::seconds(1);
  return until->since_boot / kSecond > impl_->marks->back()->at.since_boot / kSecond;
}

void Accounts::mark(const CountersReading& counters, const OverheadReading& overhead) {
  auto mark = std::make_shared<Mark>();
  mark->at = impl_->end_of(counters.last_window);
  mark->window = counters.last_window;
  if (!impl_->marks->empty() && mark->at <= impl_->marks->back()->at) return;
  const accounts::MarkRows rows(impl_->rows, impl_->names, counters);
  mark->rows = rows.all();
  const accounts::SandboxReading sandboxes = accounts::read_sandboxes(
      impl_->names, impl_->rows, [&](const Row& row) { return rows.usage(row); });
  mark->overhead = impl_->overhead.count(overhead, sandboxes, impl_->names, impl_->rows);
  mark->node_overhead = overhead.node;
  mark->node_overhead[kPause] = sandboxes.node;
  mark->services = overhead.services;
  for (ServiceRow& service : mark->services) service.private_memory.reset();
  impl_->names.forget_peaks();
  impl_->marks = std::make_shared<const Marks>(
      accounts::with_newest(*impl_->marks, std::move(mark), impl_->marks_reach));
}

void Accounts::set_filters(std::vector<std::string> include, std::vector<std::string> exclude) {
  impl_->rows.set_filter({.include = std::move(include), .exclude = std::move(exclude)});
}

void Accounts::set_keep_dead(Nanoseconds keep_dead) {
  impl_->rows.set_keep_dead(keep_dead);
}

}  // namespace throttlelens
