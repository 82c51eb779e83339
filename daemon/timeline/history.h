// SPDX-License-Identifier: Apache-2.0
// One cgroup's base windows, in chunks that exist only where it ran.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/units.h"
#include "model/window_batch.h"

namespace throttlelens::timeline {

/// Microseconds in 32 bits. What rounding cuts off a window is added to the next one with use, so
/// the sum over any stretch is less than 1 µs off. A window beyond 71 minutes of CPU is cut there.
class History {
 public:
  /// Windows come in rising order; `oldest` is the first that will still be asked for.
  void add(WindowIndex window, WindowIndex oldest, Nanoseconds used);
  /// 0 where nothing was added.
  Nanoseconds at(WindowIndex window) const;
  /// Frees the chunks that lie before `oldest`.
  void expire(WindowIndex oldest);
  /// Memory it points to.
  std::size_t bytes() const;

 private:
  static constexpr std::uint64_t kWindows = 64;
  using Cells = std::array<std::uint32_t, kWindows>;
  struct Chunk {
    std::uint64_t number;  ///< covers windows [number * kWindows, (number + 1) * kWindows)
    std::unique_ptr<Cells> cells;
  };
  Cells& cells_of(std::uint64_t number, std::uint64_t oldest);

  std::vector<Chunk> chunks_;  ///< numbers rising
  std::int64_t carry_ns_ = 0;
};

}  // namespace throttlelens::timeline
