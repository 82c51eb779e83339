// SPDX-License-Identifier: Apache-2.0
#include "edge_reader.h"

#include <algorithm>

namespace throttlelens {

namespace {

// A running slice: what it was charged between two instants of the run queue's clock.
struct Slice {
  std::uint64_t since = 0;
  std::uint64_t until = 0;  // when `charged` was up to date
  std::uint64_t charged = 0;
};

// Charged time of a slice up to `edge`. Beyond `until` the slice goes on (the scheduler updates
// its charge at every tick only); before it, charged time is spread evenly over wall time.
std::uint64_t charged_before(const Slice& slice, std::uint64_t edge) {
  if (edge <= slice.since) return 0;
  if (edge >= slice.until) return slice.charged + (edge - slice.until);
  const auto wall = static_cast<double>(slice.until - slice.since);
  const double share = static_cast<double>(edge - slice.since) / wall;
  return static_cast<std::uint64_t>(static_cast<double>(slice.charged) * share);
}

std::uint64_t less(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : 0;
}

}  // namespace

EdgeReader::EdgeReader(const SharedView& view, Nanoseconds base)
    : view_(view),
      base_ns_(static_cast<std::uint64_t>(base.count())),
      seen_(view.cells.size()),
      stamp_(view.max_slots) {}

void EdgeReader::evicted(const tl_event_evicted& event) {
  if (event.cpu >= view_.cpus.size() || event.slot >= view_.max_slots) return;
  Evicted gone{.cpu = event.cpu, .slot = event.slot, .cell = event.cell};
  Seen& seen = seen_[static_cast<std::size_t>(event.cpu) * view_.max_slots + event.slot];
  if (seen.serial == event.cell.serial) {
    gone.seen_ns = seen.ns;
    seen = {};
  } else if (auto it = superseded_.find(event.cell.serial * view_.cpus.size() + event.cpu);
             it != superseded_.end()) {
    gone.seen_ns = it->second;
    superseded_.erase(it);
  }
  evicted_.push_back(gone);
}

void EdgeReader::mark(std::uint32_t slot) {
  if (slot >= view_.max_slots || stamp_[slot] == pass_) return;
  stamp_[slot] = pass_;
  slots_.push_back(slot);
}

void EdgeReader::add(std::uint32_t slot, std::uint64_t serial, std::uint64_t ns) {
  if (slot >= view_.max_slots || ns == 0) return;
  for (InProgress& slice : in_progress_) {
    if (slice.slot == slot && slice.serial == serial) {
      slice.ns += ns;
      return;
    }
  }
  in_progress_.push_back({slot, serial, ns});
}

// The slice of the recorded thread, in parts where it was moved between cgroups while it ran.
void EdgeReader::add_own_slice(const tl_cpu& cpu, const tl_running& running,
                               std::uint64_t edge_clock) {
  Slice part{.since = cpu.since, .until = running.clock, .charged = less(running.sum, cpu.sum_in)};
  const double wall_per_charged =
      part.charged > 0
          ? static_cast<double>(less(part.until, part.since)) / static_cast<double>(part.charged)
          : 0;
  std::uint32_t slot = cpu.slot;
  std::uint64_t serial = cpu.serial;
  std::uint64_t sum = cpu.sum_in;
  const std::uint64_t oldest = less(cpu.moves, TL_MOVES);
  for (std::uint64_t n = std::max(cpu.moves_seen, oldest); n < cpu.moves; ++n) {
    const tl_move& move = cpu.move[n % TL_MOVES];
    if (move.task != cpu.task) continue;
    const std::uint64_t before = std::min(less(move.sum, sum), part.charged);
    const auto wall = static_cast<std::uint64_t>(static_cast<double>(before) * wall_per_charged);
    add(slot, serial,
        std::min(before, charged_before(
                             {.since = part.since, .until = part.since + wall, .charged = before},
                             edge_clock)));
    part.since += wall;
    part.charged -= before;
    sum += before;
    slot = move.slot;
    serial = move.serial;
  }
  add(slot, serial, charged_before(part, edge_clock));
}

// The most a slice of unknown charge can have been charged beyond its cell's total: what was
// estimated of it before, and all the time since.
std::uint64_t EdgeReader::guess_limit(std::uint32_t cpu_index, const tl_cpu& cpu,
                                      WindowIndex edge) const {
  if (cpu.slot >= view_.max_slots) return 0;
  const Seen& seen = seen_[static_cast<std::size_t>(cpu_index) * view_.max_slots + cpu.slot];
  const tl_cell& cell = view_.cell(cpu_index, cpu.slot);
  const std::uint64_t charged = load(cell.serial) == cpu.serial ? load(cell.ran_ns) : 0;
  const std::uint64_t estimated = seen.serial == cpu.serial ? less(seen.ns, charged) : 0;
  return estimated + (last_edge_ > 0 ? edge - last_edge_ : 1) * base_ns_;
}

void EdgeReader::add_in_progress(std::uint32_t cpu_index, const tl_cpu& cpu, WindowIndex edge) {
  const tl_running& running = view_.running[cpu_index];
  const std::uint64_t edge_clock = edge * base_ns_ - static_cast<std::uint64_t>(cpu.offset_ns);
  if (cpu.task == 0 || cpu.since >= edge_clock) return;
  const bool trusted = running.valid != 0 && running.seq == cpu.seq;
  if (!trusted || running.task == cpu.task) {
    const std::uint64_t wall = edge_clock - cpu.since;
    if (cpu.pid == 0) return add(cpu.slot, cpu.serial, wall);
    // Read while it changed: nothing is known of a long slice but that it goes on.
    if (!trusted)
      return add(cpu.slot, cpu.serial, std::min(wall, guess_limit(cpu_index, cpu, edge)));
    return add_own_slice(cpu, running, edge_clock);
  }
  // A switch was lost: the recorded thread has left, the current one came unseen.
  std::uint64_t left = 0;
  if (running.recorded_sum != 0) {
    const std::uint64_t charged = less(running.recorded_sum, cpu.sum_in);
    left = cpu.since + charged;
    add(cpu.slot, cpu.serial,
        std::min(charged, charged_before({.since = cpu.since, .until = left, .charged = charged},
                                         edge_clock)));
  }
  if (running.pid == 0) {
    if (left != 0 && left < edge_clock) add(TL_SLOT_IDLE, 0, edge_clock - left);
    return;
  }
  // Not every scheduling class keeps sum_start; but no thread ran longer than the time there was.
  const std::uint64_t charged = std::min(less(running.sum, running.sum_start),
                                         less(running.clock, std::max(left, cpu.since)));
  add(running.slot, running.serial,
      charged_before(
          {.since = less(running.clock, charged), .until = running.clock, .charged = charged},
          edge_clock));
}

bool EdgeReader::add_touched(std::uint32_t cpu_index, const tl_cpu& cpu, WindowIndex from,
                             WindowIndex current) {
  for (WindowIndex window = from; window <= current; ++window) {
    const std::size_t list = window % TL_LISTS;
    if (cpu.list_window[list] > window) return false;
    if (cpu.list_window[list] < window) continue;
    const std::size_t start =
        (static_cast<std::size_t>(cpu_index) * TL_LISTS + list) * view_.max_slots;
    const std::size_t length = std::min<std::size_t>(cpu.list_length[list], view_.max_slots);
    for (std::size_t i = 0; i < length; ++i) mark(load(view_.touched[start + i]));
  }
  return true;
}

bool EdgeReader::read_cell(std::uint32_t cpu_index, std::uint32_t slot, WindowIndex edge) {
  const CellTotal total = total_at(view_.cell(cpu_index, slot), edge);
  if (!total.known) return false;
  const std::size_t index = static_cast<std::size_t>(cpu_index) * view_.max_slots + slot;
  std::uint64_t ns = total.ns;
  for (const InProgress& slice : in_progress_) {
    if (slice.slot != slot) continue;
    // A cell charged after the edge already holds the slice up to the edge.
    if (slice.serial == total.serial) {
      if (!total.charged_since) ns += slice.ns;
    } else if (slice.serial > total.serial) {
      readings_.push_back({index, slot, slice.serial, slice.ns});
    }
  }
  if (total.serial != 0 || slot == TL_SLOT_IDLE)
    readings_.push_back({index, slot, total.serial, ns});
  return true;
}

std::uint64_t& EdgeReader::seen_total(std::size_t index, std::uint32_t cpu, std::uint64_t serial) {
  Seen& seen = seen_[index];
  if (seen.serial == serial) return seen.ns;
  if (seen.serial < serial) {
    if (seen.serial != 0) superseded_[seen.serial * view_.cpus.size() + cpu] = seen.ns;
    seen = {.serial = serial, .ns = 0};
    return seen.ns;
  }
  return superseded_[serial * view_.cpus.size() + cpu];
}

bool EdgeReader::gather(WindowIndex edge, WindowIndex current, bool scan_all) {
  edge_ = edge;
  readings_.clear();
  touched_.clear();
  // One list more than seems needed: a CPU whose clock lags a little still writes to it.
  const WindowIndex from = last_edge_ > 0 ? last_edge_ - 1 : edge;
  for (std::uint32_t cpu_index = 0; cpu_index < view_.cpus.size(); ++cpu_index) {
    ++pass_;
    slots_.clear();
    in_progress_.clear();
    const auto cpu = read_cpu(view_.cpus[cpu_index]);
    if (!cpu) return false;
    add_in_progress(cpu_index, *cpu, edge);
    for (const InProgress& slice : in_progress_) mark(slice.slot);
    if (scan_all) {
      for (std::uint32_t slot = 0; slot < view_.max_slots; ++slot) mark(slot);
    } else if (!add_touched(cpu_index, *cpu, from, std::max(current, cpu->window))) {
      return false;
    }
    for (const std::uint32_t slot : slots_) {
      touched_.push_back({.cpu = cpu_index, .slot = slot});
      if (!read_cell(cpu_index, slot, edge)) return false;
    }
  }
  return true;
}

void EdgeReader::commit(std::vector<CellDelta>& deltas) {
  for (const Reading& reading : readings_) {
    const auto cpu = static_cast<std::uint32_t>(reading.index / view_.max_slots);
    std::uint64_t& seen = seen_total(reading.index, cpu, reading.serial);
    // An estimate can have run ahead of the charge: nothing is taken back, the charge catches up.
    if (reading.ns <= seen) continue;
    deltas.push_back({reading.slot, reading.serial, reading.ns - seen});
    seen = reading.ns;
  }
  std::erase_if(evicted_, [&](Evicted& gone) {
    const CellTotal total = total_at(gone.cell, edge_);
    if (total.known && total.ns > gone.seen_ns) {
      deltas.push_back({gone.slot, gone.cell.serial, total.ns - gone.seen_ns});
      gone.seen_ns = total.ns;
    }
    return total.known && !total.charged_since;
  });
  last_edge_ = edge_;
}

}  // namespace throttlelens
