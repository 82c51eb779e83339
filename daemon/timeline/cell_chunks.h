// SPDX-License-Identifier: Apache-2.0
// One small cell per base window of a cgroup, in chunks that exist only where one was written.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/window_batch.h"

namespace throttlelens::timeline {

template <typename Cell>
class CellChunks {
 public:
  /// The cell to write. Windows come in rising order; `oldest` is the first that will still be
  /// asked for.
  Cell& to_write(WindowIndex window, WindowIndex oldest) {
    return chunk_of(window / kWindows,
                    oldest / kWindows)[static_cast<std::size_t>(window % kWindows)];
  }
  /// Cell{} where none was written.
  Cell at(WindowIndex window) const {
    const std::uint64_t number = window / kWindows;
    const auto chunk = std::ranges::lower_bound(chunks_, number, {}, &Chunk::number);
    if (chunk == chunks_.end() || chunk->number != number) return Cell{};
    return (*chunk->cells)[static_cast<std::size_t>(window % kWindows)];
  }
  /// Frees the chunks that lie before `oldest`.
  void expire(WindowIndex oldest) {
    if (chunks_.empty() || chunks_.front().number >= oldest / kWindows) return;
    const auto live = std::ranges::lower_bound(chunks_, oldest / kWindows, {}, &Chunk::number);
    chunks_.erase(chunks_.begin(), live);
    if (chunks_.size() * 2 < chunks_.capacity()) chunks_.shrink_to_fit();
  }
  /// Memory it points to.
  std::size_t bytes() const {
    return chunks_.capacity() * sizeof(Chunk) + chunks_.size() * sizeof(Cells);
  }

 private:
  static constexpr std::uint64_t kWindows = 64;
  using Cells = std::array<Cell, kWindows>;
  struct Chunk {
    std::uint64_t number;  ///< covers windows [number * kWindows, (number + 1) * kWindows)
    std::unique_ptr<Cells> cells;
  };

  Cells& chunk_of(std::uint64_t number, std::uint64_t oldest) {
    if (!chunks_.empty() && chunks_.back().number == number) return *chunks_.back().cells;
    // A cgroup that always runs takes over its oldest chunk instead of asking for memory.
    if (!chunks_.empty() && chunks_.front().number < oldest) {
      std::ranges::rotate(chunks_, chunks_.begin() + 1);
      chunks_.back().number = number;
      chunks_.back().cells->fill(Cell{});
    } else {
      chunks_.push_back({.number = number, .cells = std::make_unique<Cells>()});
    }
    return *chunks_.back().cells;
  }

  std::vector<Chunk> chunks_;  ///< numbers rising
};

}  // namespace throttlelens::timeline
