// SPDX-License-Identifier: Apache-2.0
#include "wait_reader.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace throttlelens {

namespace {

// Of a throttle clock and CLOCK_MONOTONIC over a stall: what they differ by at most, as some run
// only while no interrupt does.
constexpr Nanoseconds kClocksDiffer = std::chrono::milliseconds(5);

// Differences of counters that wrap, and sums whose parts wrap, are meant modulo 2^64.
std::uint64_t at_least_zero(std::uint64_t difference) {
  return static_cast<std::int64_t>(difference) > 0 ? difference : 0;
}

// The fields of a cell that waits change, copied one by one: their order is the writer's business.
void copy_waits(const tl_cell& from, tl_cell& to) {
  to.serial = load(from.serial);
  to.lost_ns = load(from.lost_ns);
  to.wait_window = load(from.wait_window);
  to.wait_ns = load(from.wait_ns);
  to.waiting = load(from.waiting);
  to.throttled_ns = load(from.throttled_ns);
  to.settled = load(from.settled);
  to.held = load(from.held);
  to.left = load(from.left);
  to.stall_since = load(from.stall_since);
  to.stall_settled = load(from.stall_settled);
  to.stall_level = load(from.stall_level);
  for (std::size_t cause = 0; cause < TL_CAUSES; ++cause) {
    to.ended_ns[cause] = load(from.ended_ns[cause]);
    for (std::size_t i = 0; i < TL_WAIT_BUCKETS; ++i)
      to.ended[cause][i] = load(from.ended[cause][i]);
  }
  for (std::size_t i = 0; i < TL_EDGES; ++i) {
    to.wait_edge[i] = load(from.wait_edge[i]);
    to.throttle_edge[i] = load(from.throttle_edge[i]);
  }
}

}  // namespace

WaitReader::WaitReader(const SharedView& view, Nanoseconds base, AskQueues ask)
    : view_(view), base_ns_(static_cast<std::uint64_t>(base.count())), ask_(std::move(ask)) {}

void WaitReader::evicted(const tl_event_evicted& event) {
  if (event.cpu < view_.cpus.size() && event.slot < view_.max_slots) evicted_.push_back(event);
}

WaitReader::Reading WaitReader::reading_of(const tl_cell& cell, const CellPlace& place) const {
  Reading reading;
  reading.place = place;
  reading.serial = cell.serial;
  Counters& counters = reading.counters;
  counters.wait_ns = cell.wait_ns;
  counters.waiting = cell.waiting;
  counters.throttled_ns = cell.throttled_ns;
  counters.lost_ns = cell.lost_ns;
  for (std::size_t cause = 0; cause < TL_CAUSES; ++cause) {
    counters.ended_ns[cause] = cell.ended_ns[cause];
    std::ranges::copy(cell.ended[cause], counters.ended[cause].begin());
  }
  reading.changed_since = cell.wait_window >= edge_;
  reading.wait_edge = cell.wait_edge[edge_ % TL_EDGES];
  reading.throttle_edge = cell.throttle_edge[edge_ % TL_EDGES];
  reading.held = cell.held - cell.left;
  // Another CPU may end a wait just before this one's count of it is read.
  if (cell.held - cell.left > ~tl_u32{0} / 2) reading.held = 0;
  reading.settled = cell.settled;
  reading.stall_since = cell.stall_since;
  reading.stall_settled = cell.stall_settled;
  reading.stall_level = cell.stall_level;
  reading.offset_ns = load(view_.cpus[place.cpu].offset_ns);
  return reading;
}

bool WaitReader::read_cell(const CellPlace& place) {
  if (place.slot == TL_SLOT_IDLE || place.slot >= view_.max_slots) return true;
  const tl_u64& sequence = view_.cpus[place.cpu].wait_seq;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    before_attempt(attempt);
    const tl_u64 before = load(sequence);
    if ((before & 1) != 0) continue;
    tl_cell cell{};
    copy_waits(view_.cell(place.cpu, place.slot), cell);
    if (load(sequence) != before) continue;
    if (cell.serial == 0) return true;
    if (cell.wait_window >= edge_ + TL_EDGES) return false;
    readings_.push_back(reading_of(cell, place));
    return true;
  }
  return false;
}

bool WaitReader::gather(WindowIndex edge, std::span<const CellPlace> touched) {
  edge_ = edge;
  readings_.clear();
  for (const CellPlace& place : touched) {
    if (!read_cell(place)) return false;
  }
  // What only goes on waiting is not listed.
  read_.clear();
  for (const Reading& reading : readings_) read_.insert(key(reading.serial, reading.place.cpu));
  for (const std::uint64_t cell : open_) {
    const auto seen = seen_.find(cell);
    if (seen == seen_.end() || read_.contains(cell)) continue;
    const CellPlace place = seen->second.place;
    const bool there = load(view_.cell(place.cpu, place.slot).serial) == cell / view_.cpus.size();
    if (there && !read_cell(place)) return false;
  }
  for (const tl_event_evicted& event : evicted_) {
    if (event.cell.wait_window >= edge + TL_EDGES) return false;
    readings_.push_back(reading_of(event.cell, {.cpu = event.cpu, .slot = event.slot}));
  }
  ask_queues();
  return true;
}

void WaitReader::ask_queues() {
  queues_.clear();
  for (const Reading& reading : readings_) {
    if (reading.held == 0) continue;
    tl_queue queue{};
    queue.serial = reading.serial;
    queue.slot = reading.place.slot;
    queue.cpu = reading.place.cpu;
    queues_.push_back(queue);
  }
  if (queues_.empty()) return;
  ask_(queues_);
  auto answer = queues_.begin();
  for (Reading& reading : readings_) {
    if (reading.held > 0) reading.queue = *answer++;
  }
}

// The queue's throttle clock at the edge; `settled` when it is not known.
std::uint64_t WaitReader::throttle_clock(const Reading& reading) const {
  const tl_queue& queue = reading.queue;
  if (queue.valid == 0) return reading.settled;
  std::uint64_t time = queue.time;
  const std::uint64_t edge_clock = edge_ * base_ns_ - static_cast<std::uint64_t>(reading.offset_ns);
  if (queue.growing != 0) {
    time += edge_clock - queue.at;  // which may lie before `at`
  }
  if (reading.stall_since != 0) {
    // It may have gone on beyond the edge, and be over by now.
    const std::uint64_t before = at_least_zero(edge_clock - reading.stall_since);
    time = reading.stall_settled + std::min(at_least_zero(time - reading.stall_settled), before);
  }
  return reading.settled + at_least_zero(time - reading.settled);
}

void WaitReader::add(const Reading& reading) {
  Sum& sum = sums_[reading.serial];
  Seen& seen = seen_[key(reading.serial, reading.place.cpu)];
  const Counters& now = reading.counters;
  const Counters& before = seen.counters;
  sum.touched = true;
  sum.wait_ns += now.wait_ns - before.wait_ns;
  sum.waiting += now.waiting - before.waiting;
  sum.throttled_ns += now.throttled_ns - before.throttled_ns;
  if (reading.changed_since) {
    sum.wait_beyond += now.wait_ns + now.waiting * (edge_ * base_ns_) - reading.wait_edge;
    sum.throttle_beyond += now.throttled_ns - reading.throttle_edge;
  } else if (reading.held > 0) {
    sum.throttle_beyond -= reading.held * (throttle_clock(reading) - reading.settled);
  }
  sum.delta.lost_ns += now.lost_ns - before.lost_ns;
  for (std::size_t cause = 0; cause < TL_CAUSES; ++cause) {
    sum.delta.ended_ns[cause] += now.ended_ns[cause] - before.ended_ns[cause];
    for (std::size_t i = 0; i < TL_WAIT_BUCKETS; ++i)
      sum.delta.ended[cause][i] += now.ended[cause][i] - before.ended[cause][i];
  }
  seen.place = reading.place;
  seen.counters = now;
}

// What the throttle clock advanced from `from` to `to` and was not told yet, ending at
// `stall.until`.
void WaitReader::tell_stall(Told& told, const Stall& stall, std::uint64_t from, std::uint64_t to,
                            std::vector<Stall>& stalls) {
  const bool went_on = told.went_on && from < told.time;
  const std::uint64_t rest = at_least_zero(to - std::max(from, told.time));
  if (rest == 0) return;  // all told, and what went on goes on
  Stall part = stall;
  part.since = part.until - Nanoseconds(static_cast<std::int64_t>(rest));
  // One that went on at the edge before goes on from there; the two clocks differ by their reading.
  const Nanoseconds apart = part.since - told.until;
  if (went_on && apart < kClocksDiffer && apart > -kClocksDiffer) {
    part.since = told.until;
    part.until = std::max(part.until, part.since);
  }
  stalls.push_back(part);
  told = {.time = std::max(told.time, to), .until = Nanoseconds(0), .went_on = false};
}

void WaitReader::add_ended(const tl_event_stall& event, std::vector<Stall>& stalls) {
  if (event.cpu >= view_.cpus.size()) return;
  const std::int64_t offset = load(view_.cpus[event.cpu].offset_ns);
  const Stall stall{.serial = event.serial,
                    .level = event.level,
                    .noticed = event.noticed != 0,
                    .since = {},
                    .until = Nanoseconds(static_cast<std::int64_t>(event.until) + offset)};
  const auto seen = seen_.find(key(event.serial, event.cpu));
  Told unknown;
  tell_stall(seen == seen_.end() ? unknown : seen->second.told, stall, event.from, event.to,
             stalls);
}

void WaitReader::add_stall(const Reading& reading, std::vector<Stall>& stalls) {
  if (reading.held == 0 || reading.queue.valid == 0) return;
  const Nanoseconds edge(static_cast<std::int64_t>(edge_ * base_ns_));
  const std::uint64_t edge_clock = edge_ * base_ns_ - static_cast<std::uint64_t>(reading.offset_ns);
  const bool noticed = reading.stall_since != 0;
  // What happened after the edge, happened; only a stall that began before it is known to reach it.
  if (reading.changed_since && (!noticed || reading.stall_since >= edge_clock)) return;
  std::uint64_t time = throttle_clock(reading);
  // A quota that is gone by now was told before.
  const std::uint32_t level = reading.queue.level > 0 || reading.queue.growing != 0
                                  ? reading.queue.level
                                  : reading.stall_level;
  Stall stall{
      .serial = reading.serial, .level = level, .noticed = noticed, .since = {}, .until = edge};
  bool goes_on = reading.queue.growing != 0;
  std::uint64_t from = reading.settled;
  if (noticed) {
    stall.level = reading.stall_level;
    from = reading.stall_settled;
    const std::uint64_t most = at_least_zero(edge_clock - reading.stall_since);
    if (time - from >= most) {
      time = from + most;
      goes_on = true;
    } else if (!goes_on) {
      stall.until = Nanoseconds(static_cast<std::int64_t>(reading.stall_since + (time - from)) +
                                reading.offset_ns);
    }
  }
  Told& told = seen_[key(reading.serial, reading.place.cpu)].told;
  if (time <= std::max(from, told.time)) return;
  tell_stall(told, stall, from, time, stalls);
  if (goes_on) told = {.time = time, .until = edge, .went_on = true};
}

// An estimate can have run ahead: nothing is taken back, what was waited catches up. Each cause by
// itself, so that a wait whose cause became known late is right for quota at once.
void WaitReader::tell(std::uint64_t serial, Sum& sum, std::vector<WaitDelta>& deltas) const {
  const std::uint64_t waited =
      at_least_zero(sum.wait_ns + sum.waiting * (edge_ * base_ns_) - sum.wait_beyond);
  const std::uint64_t throttled =
      std::min(waited, at_least_zero(sum.throttled_ns - sum.throttle_beyond));
  WaitDelta delta = std::exchange(sum.delta, {});
  delta.serial = serial;
  delta.throttled_ns = at_least_zero(throttled - sum.told_throttled);
  delta.contended_ns = at_least_zero(waited - throttled - sum.told_contended);
  sum.told_throttled += delta.throttled_ns;
  sum.told_contended += delta.contended_ns;
  sum.wait_beyond = 0;
  sum.throttle_beyond = 0;
  if (sum.touched || delta.throttled_ns > 0 || delta.contended_ns > 0) deltas.push_back(delta);
  sum.touched = false;
}

// A thread whose switch-in was lost does not wait any more, though nobody has ended its wait.
void WaitReader::take_off_running() {
  const auto edge = static_cast<std::int64_t>(edge_ * base_ns_);
  for (std::size_t cpu = 0; cpu < view_.running.size(); ++cpu) {
    const tl_running& running = view_.running[cpu];
    if (running.valid == 0 || running.waiting == 0) continue;
    const auto sum = sums_.find(running.waiting);
    if (sum == sums_.end()) continue;
    const std::int64_t since = static_cast<std::int64_t>(running.clock) +
                               load(view_.cpus[cpu].offset_ns) -
                               static_cast<std::int64_t>(running.sum - running.sum_start);
    if (since < edge) sum->second.wait_beyond += static_cast<std::uint64_t>(edge - since);
  }
}

void WaitReader::commit(std::vector<WaitDelta>& deltas, std::vector<Stall>& stalls) {
  for (const tl_event_stall& event : std::exchange(ended_, {})) add_ended(event, stalls);
  open_.clear();
  for (const Reading& reading : readings_) {
    add(reading);
    add_stall(reading, stalls);
    if (reading.held > 0) open_.push_back(key(reading.serial, reading.place.cpu));
  }
  take_off_running();
  for (auto& [serial, sum] : sums_) {
    if (sum.touched || sum.waiting != 0) tell(serial, sum, deltas);
  }
  std::erase_if(evicted_, [&](const tl_event_evicted& event) {
    if (event.cell.wait_window >= edge_) return false;
    seen_.erase(key(event.cell.serial, event.cpu));
    if (!seen_anywhere(event.cell.serial)) sums_.erase(event.cell.serial);
    return true;
  });
}

bool WaitReader::seen_anywhere(std::uint64_t serial) const {
  for (std::uint32_t cpu = 0; cpu < view_.cpus.size(); ++cpu) {
    if (seen_.contains(key(serial, cpu))) return true;
  }
  return false;
}

}  // namespace throttlelens
