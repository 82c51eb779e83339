// SPDX-License-Identifier: Apache-2.0
// The highest of the values of a sliding span, exactly: only values that no later value reaches
// are kept, so the first that has not expired is the highest. Noisy loads keep about ten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/units.h"

namespace throttlelens::timeline {

class PeakQueue {
 public:
  /// Windows come in rising order.
  void push(std::uint64_t window, Nanoseconds used);
  /// Frees what is older than `oldest`.
  void expire(std::uint64_t oldest);
  /// Of the windows from `oldest` on; 0 if there are none.
  Nanoseconds highest(std::uint64_t oldest) const;
  /// Memory it points to.
  std::size_t bytes() const { return entries_.capacity() * sizeof(Entry); }

 private:
  struct Entry {
    std::uint64_t window;
    Nanoseconds used;
  };
  std::size_t first_from(std::uint64_t oldest) const;

  std::vector<Entry> entries_;  ///< windows rising, values falling
  std::size_t head_ = 0;        ///< entries before it have expired
};

}  // namespace throttlelens::timeline
