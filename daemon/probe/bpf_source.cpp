// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <iterator>
#include <limits>
#include <span>
#include <unordered_set>
#include <utility>

#include "bandwidth_reader.h"
#include "base/clock.h"
#include "bpf_programs.h"
#include "edge_reader.h"
#include "group_table.h"
#include "online_cpus.h"
#include "probe/source.h"
#include "usage_check.h"
#include "waits.h"

namespace throttlelens {

namespace {

// Edges older than this are not tried: a cell may already have forgotten them when we get there.
constexpr WindowIndex kOldestEdge = TL_EDGES - 2;
// How long a limited cgroup is read every window after it last ran: its throttling may go on.
constexpr WindowIndex kLimitedWindows = 50;
// Everything else is read in turns of this many windows: a second, at the default base.
constexpr WindowIndex kSlowTurn = 10;
// A cgroup whose directory was never seen is taken for gone when it has not run for so long.
constexpr Nanoseconds kUnseen = std::chrono::seconds(10);

class BpfSource final : public Source {
 public:
  BpfSource(const SourceOptions& options, ProbeInfo info, CgroupCounters& counters,
            std::unique_ptr<BpfPrograms> programs)
      : base_(options.base),
        max_cgroups_(options.max_cgroups),
        info_(std::move(info)),
        counters_(counters),
        programs_(std::move(programs)),
        reader_(programs_->view(), options.base),
        waits_(programs_->view(), options.base, programs_->fields().lost_time,
               [this](std::span<tl_queue> queues) { ask(queues); }),
        check_(counters, clock_),
        first_edge_(static_cast<WindowIndex>(clock_.now().since_boot / options.base) + 1) {}

  ProbeInfo info() const override { return info_; }
  Result<std::vector<WindowBatch>> collect(MonoTime now, const TreeChanges& tree) override;

 private:
  using GroupPtr = GroupTable::GroupPtr;

  void ask(std::span<tl_queue> queues);
  void drain(WindowIndex window);
  bool gather(WindowIndex edge, WindowIndex current, bool scan_all);
  void take_tree(const TreeChanges& tree, WindowIndex window);
  bool switched_off(const Group& group);
  void let_go(const GroupPtr& group, WindowIndex window);
  void not_whole(const GroupPtr& group, WindowIndex until);
  void take_returned();
  void tell_partial(WindowBatch& batch);
  void start(WindowIndex edge);
  void read_usage_before(const GroupPtr& group, MonoTime edge);
  bool read_edge(WindowIndex edge, WindowIndex current, bool scan_all, WindowBatch& batch);
  void account(const std::vector<CellDelta>& deltas, WindowBatch& batch);
  void announce(const GroupPtr& group, WindowBatch& batch);
  void announce_new(WindowBatch& batch);
  void read_bandwidth(WindowBatch& batch);
  void bury(WindowBatch& batch);
  SourceLosses losses() const;
  std::uint32_t cpus_online();
  const std::vector<std::uint32_t>& online();

  MonoTime start_of(WindowIndex window) const {
    return {base_ * static_cast<std::int64_t>(window)};
  }

  Nanoseconds base_;
  std::uint32_t max_cgroups_;
  ProbeInfo info_;
  CgroupCounters& counters_;
  SystemClock clock_;
  std::unique_ptr<BpfPrograms> programs_;
  EdgeReader reader_;
  Waits waits_;
  UsageCheck check_;
  GroupTable groups_;

  bool knows_waits_ = programs_->fields().run_delay;
  WindowIndex first_edge_;  // first window that begins with all programs at work
  WindowIndex next_ = 0;    // first window not yet handed on; 0: not started
  std::uint64_t missed_windows_ = 0;
  std::uint64_t unrecovered_ = 0;
  std::unordered_set<std::uint64_t> overflowed_;  // ids of cgroups beyond the slots
  std::uint64_t dropped_ = 0;
  std::vector<std::uint32_t> online_;  // CPUs; asked for in turns
  std::optional<Nanoseconds> run_time_;

  struct UsageRead {
    GroupPtr group;
    Nanoseconds usage{0};
    Nanoseconds after_edge{0};  // when the counter was read, from the first window's start
  };
  std::vector<UsageRead> first_usage_;
  std::vector<GroupPtr> unannounced_;
  struct Dying {
    CgroupKey key;
    WindowIndex noticed = 0;  // it may have run in this window: buried when that one is done
    bool dormant = false;     // only its cpu controller is gone
  };
  std::vector<Dying> dying_;
  std::vector<GroupPtr> retired_;              // found to be beyond the slots: their rows end
  std::unordered_set<std::uint64_t> dormant_;  // ids of directories without the cpu controller
  struct Returned {
    GroupPtr group;
    std::optional<Nanoseconds> usage;
    Nanoseconds after_edge{0};  // when the counter was read
  };
  std::vector<Returned> returned_;        // got the controller again: announced at the next edge
  std::vector<GroupPtr> partial_;         // have windows that are not whole
  std::vector<GroupPtr> limits_changed_;  // read at the next window
  std::vector<CgroupKey> unlimited_;      // lost their bandwidth control
  std::vector<GroupPtr> unseen_;          // announced by the kernel, no directory seen yet
  std::vector<GroupPtr> active_;          // ran in the window being made
  std::vector<CellDelta> deltas_;
  std::vector<tl_event_evicted> evicted_;  // not yet told to the readers
};

void BpfSource::drain(WindowIndex window) {
  const auto cgroup = [&](const tl_event_cgroup& event) {
    const GroupPtr known = groups_.by_key({event.id});
    const std::uint64_t serial =
        !known ? 0 : (known->serial != 0 ? known->serial : known->serial_before);
    groups_.announced_by_kernel(event, window);
    const GroupPtr group = groups_.by_key({event.id});
    if (known) {
      if (serial != 0 && serial != event.serial) {  // its cpu controller was off for a moment (v2)
        std::erase_if(dying_, [&](const Dying& d) { return d.dormant && d.key == group->key; });
        group->whole_from = 0;
        not_whole(group, window + 1);
      }
      if (group->announced) limits_changed_.push_back(group);  // now readable in the kernel
      return;
    }
    // What starts after us starts at zero; what was there before has a past only files know: before
    // our first window, or while its cgroup had no cpu controller.
    if (dormant_.erase(event.id) > 0) {
      group->in_tree = true;
      const auto usage = counters_.usage(group->key);
      returned_.push_back({.group = group,
                           .usage = usage ? std::optional(*usage) : std::nullopt,
                           .after_edge = clock_.now() - start_of(window)});
      not_whole(group, window + 1);
      return;
    }
    unannounced_.push_back(group);
    unseen_.push_back(group);
    if (next_ != 0) group->usage_before = Nanoseconds(0);
  };
  const auto overflow = [&](const tl_event_cgroup& event) {
    if (!overflowed_.insert(event.id).second) return;
    ++dropped_;
    // A row from its directory alone would be a false 0; its place in the tree is needed by others.
    groups_.announced_by_kernel(event, window);
    const GroupPtr group = groups_.by_key({event.id});
    group->hidden = true;
    unseen_.push_back(group);
    if (group->announced) retired_.push_back(group);
  };
  const auto evicted = [&](const tl_event_evicted& event) { evicted_.push_back(event); };
  const auto stall = [&](const tl_event_stall& event) { waits_.ended(event); };
  programs_->drain_events(
      {.cgroup = cgroup, .overflow = overflow, .evicted = evicted, .stall = stall});
}

void BpfSource::take_tree(const TreeChanges& tree, WindowIndex window) {
  for (const CgroupNode& node : tree.appeared) {
    if (overflowed_.contains(node.key.id)) continue;
    const bool known = groups_.by_key(node.key) != nullptr;
    // Renamed (v1): gone and back at once. It keeps its row, under its first name.
    if (known) std::erase_if(dying_, [&](const Dying& dying) { return dying.key == node.key; });
    if (!known && groups_.all().size() >= max_cgroups_) {
      overflowed_.insert(node.key.id);
      ++dropped_;
      continue;
    }
    const GroupPtr group = groups_.seen_in_tree(node, window);
    if (!group && dormant_.contains(node.parent.id)) dormant_.insert(node.key.id);
    if (!group || known) continue;
    // Without bandwidth files the cpu controller is off there (v2): its threads count to the
    // cgroup above, and a row of its own would be a false 0.
    const auto bandwidth = counters_.bandwidth(node.key);
    if (group->parent && !bandwidth && bandwidth.error().code == ENOENT) {
      groups_.remove(node.key);
      dormant_.insert(node.key.id);
      continue;
    }
    unannounced_.push_back(group);
    if (next_ != 0) group->usage_before = Nanoseconds(0);
  }
  for (const CgroupKey key : tree.limits_changed) {
    const GroupPtr group = groups_.by_key(key);
    if (!group) continue;
    if (switched_off(*group)) {
      let_go(group, window);
      continue;
    }
    limits_changed_.push_back(group);
    const auto again = [&](const Dying& dying) { return dying.dormant && dying.key == key; };
    if (std::erase_if(dying_, again) > 0) group->whole_from = window + 1;
  }
  for (const CgroupKey key : tree.gone) {
    std::erase_if(dying_, [&](const Dying& dying) { return dying.key == key; });
    dying_.push_back({.key = key, .noticed = window});
    overflowed_.erase(key.id);
    dormant_.erase(key.id);
  }
}

// v2: a cgroup whose directory is there, but no longer its cpu controller.
bool BpfSource::switched_off(const Group& group) {
  if (!group.parent || !group.in_tree || group.hidden) return false;
  const auto bandwidth = counters_.bandwidth(group.key);
  // One that was removed has no bandwidth either.
  return !bandwidth && bandwidth.error().code == ENOENT && counters_.usage(group.key).has_value();
}

// Its threads count to the cgroup above from now on, as they do below any directory without the
// controller: its row ends.
void BpfSource::let_go(const GroupPtr& group, WindowIndex window) {
  if (std::ranges::any_of(dying_, [&](const Dying& d) { return d.key == group->key; })) return;
  dying_.push_back({.key = group->key, .noticed = window, .dormant = true});
  not_whole(group, std::numeric_limits<WindowIndex>::max());
  if (group->serial != 0) programs_->forget(group->slot);
  groups_.forget_serial(group);
  group->bandwidth.reset();
  unlimited_.push_back(group->key);
}

void BpfSource::not_whole(const GroupPtr& group, WindowIndex until) {
  group->whole_from = std::max(group->whole_from, until);
  if (std::ranges::find(partial_, group) == partial_.end()) partial_.push_back(group);
}

// The counter holds what the windows are about to tell as well. What ran between the edge and the
// reading is not known yet: as much as can have been is taken off, and the comparison with the
// counter adds what was too much.
void BpfSource::take_returned() {
  for (const Returned& returned : std::exchange(returned_, {})) {
    Group& group = *returned.group;
    if (groups_.by_key(group.key) != returned.group) continue;
    group.total = group.used;  // earlier windows had no row yet
    if (returned.usage) {
      const Nanoseconds told = group.used + returned.after_edge * cpus_online();
      group.usage_before = std::max(Nanoseconds(0), *returned.usage - told);
    }
    unannounced_.push_back(returned.group);
  }
}

void BpfSource::tell_partial(WindowBatch& batch) {
  for (const GroupPtr& group : partial_) {
    const bool cut = group->announced && batch.first < group->whole_from;
    if (cut && !batch.missed) batch.unknown.push_back(group->key);
  }
  const WindowIndex done = batch.first + batch.count;
  std::erase_if(partial_, [&](const GroupPtr& group) {
    if (groups_.by_key(group->key) != group) return true;
    if (group->whole_from > done) return false;
    check_.suspect(group);  // what ran meanwhile is missing in its total
    return true;
  });
}

void BpfSource::read_usage_before(const GroupPtr& group, MonoTime edge) {
  const auto usage = counters_.usage(group->key);
  if (!usage) return;
  first_usage_.push_back({.group = group, .usage = *usage, .after_edge = clock_.now() - edge});
}

// The first edge: what ran before it is not ours.
void BpfSource::start(WindowIndex edge) {
  for (const GroupPtr& group : unannounced_) read_usage_before(group, start_of(edge));
  next_ = edge;
}

SourceLosses BpfSource::losses() const {
  std::uint64_t lost = 0;
  std::uint64_t recovered = 0;
  std::uint64_t partial_waits = 0;
  std::uint64_t lost_stalls = 0;
  for (const tl_cpu& cpu : programs_->view().cpus) {
    lost += load(cpu.lost_switches);
    recovered += load(cpu.recovered);
    partial_waits += load(cpu.partial_waits);
    lost_stalls += load(cpu.lost_stalls);
  }
  SourceLosses losses;
  if (knows_waits_) {
    losses.partial_waits = partial_waits;
    losses.lost_episodes = lost_stalls;
  }
  losses.lost_switches = lost;
  losses.recovered_switches = recovered;
  losses.missed_windows = missed_windows_;
  losses.dropped_cgroups = dropped_;
  losses.probe_run_time = run_time_;
  return losses;
}

const std::vector<std::uint32_t>& BpfSource::online() {
  if (online_.empty() || next_ % kSlowTurn == 0) online_ = online_cpus();
  return online_;
}

std::uint32_t BpfSource::cpus_online() {
  return static_cast<std::uint32_t>(online().size());
}

void BpfSource::account(const std::vector<CellDelta>& deltas, WindowBatch& batch) {
  active_.clear();
  Nanoseconds idle{0};
  for (const CellDelta& delta : deltas) {
    const Nanoseconds ns(static_cast<std::int64_t>(delta.ns));
    if (delta.slot == TL_SLOT_IDLE) {
      idle += ns;
      continue;
    }
    GroupPtr group = groups_.by_serial(delta.serial);
    // Its announcement found no room in the ring buffer and comes again: until then the node's
    // total is right, the cgroup's own is put right by the kernel's counter.
    if (!group || group->path.empty()) group = groups_.root();
    if (group) GroupTable::add_use(group, ns, batch.first, active_);
  }
  // The idle thread of a CPU that went offline is never switched out.
  const GroupPtr root = groups_.root();
  const Nanoseconds busy = root ? root->used : Nanoseconds(0);
  const Nanoseconds capacity = base_ * batch.count * cpus_online();
  batch.node.idle = std::clamp(idle, Nanoseconds(0), std::max(Nanoseconds(0), capacity - busy));
  for (const GroupPtr& group : active_) group->total += group->used;
}

void BpfSource::announce(const GroupPtr& group, WindowBatch& batch) {
  if (group->announced || group->hidden || group->path.empty()) return;
  if (group->parent) announce(group->parent, batch);
  group->announced = true;
  batch.appeared.push_back({.key = group->key,
                            .parent = group->parent ? group->parent->key : CgroupKey{},
                            .path = group->path,
                            .usage_before = group->usage_before});
  if (!group->bandwidth && group->parent) limits_changed_.push_back(group);
}

void BpfSource::announce_new(WindowBatch& batch) {
  // The counters were read a moment after the first window began.
  for (const UsageRead& read : first_usage_) {
    const auto early = read.group->used * std::min(read.after_edge, base_).count() / base_.count();
    read.group->usage_before = std::max(Nanoseconds(0), read.usage - early);
  }
  first_usage_.clear();
  std::vector<GroupPtr> still;
  for (const GroupPtr& group : std::exchange(unannounced_, {})) {
    announce(group, batch);
    const bool waits = !group->announced && !group->hidden;
    if (waits && groups_.by_key(group->key) == group) still.push_back(group);
  }
  unannounced_ = std::move(still);
}

void BpfSource::read_bandwidth(WindowBatch& batch) {
  for (const CgroupKey key : std::exchange(unlimited_, {})) {
    const GroupPtr group = groups_.by_key(key);
    if (group && group->announced) batch.bandwidth.push_back({.key = key, .value = std::nullopt});
  }
  std::vector<GroupPtr> due = std::exchange(limits_changed_, {});
  // Without a thread of its own the kernel's structure is not known to us: its files are.
  for (const GroupPtr& group : due) {
    if (group->serial != 0 || !group->parent) continue;
    const auto value = counters_.bandwidth(group->key);
    if (!value || group->bandwidth == *value) continue;
    group->bandwidth = *value;
    batch.bandwidth.push_back({group->key, *value});
  }
  for (const auto& [key, group] : groups_.all()) {
    if (!group->announced || group->serial == 0) continue;
    const auto& bandwidth = group->bandwidth;
    const bool limited = bandwidth.has_value() && bandwidth->limit.has_value();
    const bool recent = group->last_active + kLimitedWindows > batch.first;
    if ((limited && recent) || (batch.first + group->slot) % kSlowTurn == 0) due.push_back(group);
  }
  // Reading them is an extra: without it the windows are still right.
  [[maybe_unused]] const auto read = read_bandwidths(*programs_, due, batch.bandwidth);
}

void BpfSource::bury(WindowBatch& batch) {
  const WindowIndex done = batch.first + batch.count;
  const auto unseen = static_cast<WindowIndex>(kUnseen / base_);
  std::erase_if(unseen_, [&](const GroupPtr& group) {
    if (group->in_tree) return true;
    if (done < std::max(group->born, group->last_active) + unseen) return false;
    dying_.push_back({.key = group->key, .noticed = batch.first});
    return true;
  });
  for (const GroupPtr& group : std::exchange(retired_, {})) {
    batch.gone.push_back(group->key);
    group->announced = false;
  }
  std::erase_if(dying_, [&](const Dying& dying) {
    if (dying.noticed >= done) return false;
    const GroupPtr group = groups_.by_key(dying.key);
    if (!group) return true;
    if (group->announced) batch.gone.push_back(dying.key);
    // Were it not gone after all, the kernel would have to tell us of it again.
    if (group->serial != 0 && !group->hidden) programs_->forget(group->slot);
    groups_.remove(dying.key);
    if (dying.dormant) dormant_.insert(dying.key.id);
    return true;
  });
}

void BpfSource::ask(std::span<tl_queue> queues) {
  const std::span<tl_queue> room = programs_->queues();
  while (!queues.empty()) {
    const std::span<tl_queue> some = queues.first(std::min(queues.size(), room.size()));
    std::ranges::copy(some, room.begin());
    // Without an answer they stay as they came: not valid.
    if (programs_->answer_queues(some.size()))
      std::ranges::copy_n(room.begin(), std::ssize(some), some.begin());
    queues = queues.subspan(some.size());
  }
}

bool BpfSource::gather(WindowIndex edge, WindowIndex current, bool scan_all) {
  for (const tl_event_evicted& event : std::exchange(evicted_, {})) {
    reader_.evicted(event);
    if (knows_waits_) waits_.evicted(event);
  }
  if (!reader_.gather(edge, current, scan_all)) return false;
  if (!knows_waits_) return true;
  if (!waits_.gather(edge, reader_.touched())) return false;
  // A stall that ended since the events were drained is in no cell any more.
  drain(current);
  return true;
}

bool BpfSource::read_edge(WindowIndex edge, WindowIndex current, bool scan_all,
                          WindowBatch& batch) {
  if (!gather(edge, current, scan_all)) return false;
  deltas_.clear();
  reader_.commit(deltas_);
  account(deltas_, batch);
  if (knows_waits_) {
    const Interval window{.begin = start_of(batch.first).since_boot,
                          .end = start_of(edge).since_boot};
    batch.waits = waits_.commit(window, groups_, online());
  }
  return true;
}

Result<std::vector<WindowBatch>> BpfSource::collect(MonoTime now, const TreeChanges& tree) {
  std::vector<WindowBatch> batches;
  const auto current = static_cast<WindowIndex>(now.since_boot / base_);
  drain(current);
  take_tree(tree, current);
  if (next_ == current || current < first_edge_) return batches;
  if (auto done = programs_->read_running(); !done) return std::unexpected(done.error());
  run_time_ = programs_->run_time();

  if (next_ == 0) {
    if (!gather(current, current, true)) return batches;
    // What ran and waited before is not ours.
    deltas_.clear();
    reader_.commit(deltas_);
    const Nanoseconds now_edge = start_of(current).since_boot;
    if (knows_waits_) waits_.commit({.begin = now_edge, .end = now_edge}, groups_, online());
    start(current);
    return batches;
  }
  while (next_ < current) {
    const bool late = next_ + 1 + kOldestEdge < current;
    WindowBatch batch;
    batch.first = next_;
    const WindowIndex edge = late ? current - kOldestEdge : next_ + 1;
    batch.count = static_cast<std::uint32_t>(edge - next_);
    batch.missed = late;
    if (!read_edge(edge, current, late, batch)) break;  // merges into a gap at the next call
    if (late) missed_windows_ += batch.count;

    if (edge == current) take_returned();
    announce_new(batch);
    if (batch.waits) {
      std::erase_if(batch.waits->cgroups, [&](const CgroupWaits& waits) {
        const GroupPtr group = groups_.by_key(waits.key);
        return !group || !group->announced;
      });
    }
    for (const GroupPtr& group : active_) {
      if (group->announced) batch.use.push_back({group->key, group->used});
    }
    tell_partial(batch);
    read_bandwidth(batch);
    batch.losses = losses();
    const std::uint64_t unrecovered =
        batch.losses.lost_switches.value_or(0) - batch.losses.recovered_switches.value_or(0);
    if (edge == current) {
      check_.window_done(start_of(edge), active_, unrecovered > unrecovered_, cpus_online(),
                         batch.corrections);
      unrecovered_ = unrecovered;
    }
    const GroupPtr root = groups_.root();
    if (root) batch.node.busy = root->used;
    batch.node.cpus_online = cpus_online();
    for (const GroupPtr& group : active_) group->used = Nanoseconds(0);
    next_ = edge;
    if (edge == current) bury(batch);
    batches.push_back(std::move(batch));
  }
  return batches;
}

}  // namespace

Result<std::unique_ptr<Source>> make_bpf_source(const SourceOptions& options, ProbeInfo info,
                                                CgroupCounters& counters) {
  auto programs = BpfPrograms::load(options.base, options.max_cgroups);
  if (!programs) return std::unexpected(std::move(programs.error()));
  return std::make_unique<BpfSource>(options, std::move(info), counters, std::move(*programs));
}

}  // namespace throttlelens
