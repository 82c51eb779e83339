// SPDX-License-Identifier: Apache-2.0
// The memory shared with the BPF programs, as plain arrays. One writer per element (the CPU that
// owns it); every read goes through these functions, which keep the ABI's order of loads.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>

#include "bpf_abi/accounting.h"

namespace throttlelens {

struct SharedView {
  std::span<const tl_cpu> cpus;    ///< one per possible CPU
  std::span<const tl_cell> cells;  ///< [cpu * max_slots + slot]
  std::span<const std::uint16_t>
      touched;                          ///< [(cpu * TL_LISTS + window % TL_LISTS) * max_slots + n]
  std::span<const tl_running> running;  ///< one per possible CPU
  std::span<const tl_idle> idles;       ///< [cpu * TL_IDLES + n % TL_IDLES]
  std::uint32_t max_slots = 0;

  const tl_cell& cell(std::uint32_t cpu, std::uint32_t slot) const {
    return cells[static_cast<std::size_t>(cpu) * max_slots + slot];
  }
};

/// One load that the compiler may neither split nor move before an earlier one.
template <typename T>
T load(const T& shared) {
  return std::atomic_ref<T>(const_cast<T&>(shared)).load(std::memory_order_acquire);
}

/// Readers try again while a CPU is changing what they read. A switch takes well under a
/// microsecond; but a hypervisor may take the CPU away in the middle of one, for milliseconds.
constexpr int kAttempts = 64;
inline void before_attempt(int attempt) {
  if (attempt >= 16) std::this_thread::sleep_for(std::chrono::microseconds(100));
}

/// A consistent copy of what a CPU is doing; absent when it switches faster than we can copy.
inline std::optional<tl_cpu> read_cpu(const tl_cpu& shared) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    before_attempt(attempt);
    const tl_u64 before = load(shared.seq);
    if ((before & 1) != 0) continue;
    tl_cpu copy{};
    copy.seq = before;
    copy.task = load(shared.task);
    copy.group = load(shared.group);
    copy.serial = load(shared.serial);
    copy.slot = load(shared.slot);
    copy.pid = load(shared.pid);
    copy.rq = load(shared.rq);
    copy.since = load(shared.since);
    copy.sum_in = load(shared.sum_in);
    copy.window = load(shared.window);
    copy.next_edge = load(shared.next_edge);
    copy.offset_ns = load(shared.offset_ns);
    copy.offset_at = load(shared.offset_at);
    copy.lost_switches = load(shared.lost_switches);
    copy.recovered = load(shared.recovered);
    copy.lost_events = load(shared.lost_events);
    copy.stale_charges = load(shared.stale_charges);
    copy.idles = load(shared.idles);
    copy.moves_seen = load(shared.moves_seen);
    copy.moves = load(shared.moves);
    for (std::size_t i = 0; i < TL_MOVES; ++i) {
      copy.move[i].task = load(shared.move[i].task);
      copy.move[i].sum = load(shared.move[i].sum);
      copy.move[i].serial = load(shared.move[i].serial);
      copy.move[i].slot = load(shared.move[i].slot);
    }
    for (std::size_t i = 0; i < TL_LISTS; ++i) {
      copy.list_window[i] = load(shared.list_window[i]);
      copy.list_length[i] = load(shared.list_length[i]);
    }
    if (load(shared.seq) == before) return copy;
  }
  return std::nullopt;
}

/// The total of a cell at the start of a window.
struct CellTotal {
  std::uint64_t serial = 0;
  std::uint64_t ns = 0;
  bool charged_since = false;  ///< the cell was charged in the window `edge` begins, or later
  bool known = false;          ///< false: the cell has moved on too far
};

/// `edge` as ABI: the window whose start is meant.
inline CellTotal total_at(const tl_cell& cell, std::uint64_t edge) {
  CellTotal total;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    before_attempt(attempt);
    total.serial = load(cell.serial);
    const tl_u64 ran = load(cell.ran_ns);
    const tl_u64 window = load(cell.window);
    const tl_u64 at_edge = load(cell.edge_ns[edge % TL_EDGES]);
    const tl_u64 window_after = load(cell.window);
    if (load(cell.serial) != total.serial || window != window_after) continue;
    total.charged_since = window >= edge;
    total.ns = total.charged_since ? at_edge : ran;
    total.known = window < edge + TL_EDGES;
    return total;
  }
  return total;
}

}  // namespace throttlelens
