// SPDX-License-Identifier: Apache-2.0
// The waits of one cgroup in each of its base windows. Each kind has chunks of its own: most
// cgroups are crowded out now and then, few are ever throttled.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cell_chunks.h"
#include "history.h"
#include "model/waits.h"
#include "model/window_batch.h"
#include "wait_sum.h"

namespace throttlelens::timeline {

class WaitHistory {
 public:
  /// Windows come in rising order; `oldest` is the first that will still be asked for. Of waits
  /// that usable() returned.
  void add(WindowIndex window, WindowIndex oldest, const WaitAmounts& waits);
  /// Nothing where nothing was added.
  WaitAmounts at(WindowIndex window) const;
  /// Frees what lies before `oldest`.
  void expire(WindowIndex oldest);
  /// Memory it points to.
  std::size_t bytes() const;

 private:
  History throttle_;
  History contention_;
  History throttled_;
  CellChunks<std::uint8_t> levels_;  ///< index of the level + 1; 0: none
  /// Of the latest window with a level: it may be told in parts.
  WindowIndex window_ = 0;
  ThrottledByLevel window_levels_;
};

}  // namespace throttlelens::timeline
