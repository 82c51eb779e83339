// SPDX-License-Identifier: Apache-2.0
#include "waits.h"

#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <utility>

#include "idle_log.h"

namespace throttlelens {

namespace {

Nanoseconds nanoseconds(std::uint64_t value) {
  return Nanoseconds(static_cast<std::int64_t>(value));
}

static_assert(std::tuple_size_v<decltype(DurationHistogram::buckets)> == TL_WAIT_BUCKETS);

void add(DurationHistogram& histogram, const WaitDelta& delta, tl_cause cause) {
  for (std::size_t i = 0; i < TL_WAIT_BUCKETS; ++i) histogram.buckets[i] += delta.ended[cause][i];
  histogram.sum += nanoseconds(delta.ended_ns[cause]);
}

// The entries of one batch, one per cgroup.
class Entries {
 public:
  explicit Entries(BatchWaits& batch) : batch_(batch) {}

  CgroupWaits& of(CgroupKey key) {
    const auto [found, fresh] = index_.try_emplace(key, batch_.cgroups.size());
    if (fresh) batch_.cgroups.emplace_back().key = key;
    return batch_.cgroups[found->second];
  }

 private:
  BatchWaits& batch_;
  std::unordered_map<CgroupKey, std::size_t> index_;
};

void add(CgroupWaits& entry, const WaitDelta& delta) {
  entry.waits.throttle += nanoseconds(delta.throttled_ns);
  entry.waits.contention += nanoseconds(delta.contended_ns);
  entry.lost += nanoseconds(delta.lost_ns);
  add(entry.throttle_waits, delta, TL_THROTTLE);
  add(entry.contention_waits, delta, TL_CONTENTION);
}

}  // namespace

Waits::Waits(const SharedView& view, Nanoseconds base, bool lost_known, WaitReader::AskQueues ask)
    : view_(view), lost_known_(lost_known), reader_(view, base, std::move(ask)) {}

BatchWaits Waits::commit(const Interval& window, const GroupTable& groups,
                         std::span<const std::uint32_t> online) {
  deltas_.clear();
  stalls_.clear();
  reader_.commit(deltas_, stalls_);

  BatchWaits batch{.lost_known = lost_known_, .cgroups = {}};
  Entries entries(batch);
  for (const WaitDelta& delta : deltas_) {
    // A cgroup that is not known yet, or no more, has no row to count to.
    for (GroupTable::GroupPtr group = groups.by_serial(delta.serial); group; group = group->parent)
      add(entries.of(group->key), delta);
  }

  for (const Stall& stall : stalls_) {
    if (GroupTable::GroupPtr group = groups.by_serial(stall.serial)) {
      episodes_.add({.group = std::move(group),
                     .level = stall.level,
                     .noticed = stall.noticed,
                     .when = {.begin = stall.since, .end = stall.until}});
    }
  }
  const auto throttled = episodes_.advance(window);
  const bool any = std::ranges::any_of(
      throttled, [](const Throttling& throttling) { return !throttling.parts.empty(); });
  const std::vector<Interval> idle =
      any ? any_idle(view_, online, window) : std::vector<Interval>{};
  for (const Throttling& throttling : throttled) {
    CgroupWaits& entry = entries.of(throttling.group->key);
    // What comes late makes its window's time whole, at most.
    entry.waits.throttled = throttling.late;
    for (const Interval& part : throttling.parts) entry.waits.throttled += part.end - part.begin;
    entry.waits.throttled = std::min(entry.waits.throttled, window.end - window.begin);
    entry.waits.level = throttling.level;
    entry.throttled_while_idle = overlap(throttling.parts, idle);
    entry.episodes = throttling.ended;
  }
  return batch;
}

}  // namespace throttlelens
