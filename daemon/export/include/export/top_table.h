// SPDX-License-Identifier: Apache-2.0
// The table people read: the busiest and the most throttled cgroups between two snapshots.
#pragma once

#include <cstddef>
#include <string>

#include "model/snapshot.h"

namespace throttlelens {

enum class TopOrder { cpu, throttled, peak, path };

struct TopOptions {
  TopOrder order = TopOrder::cpu;
  std::size_t rows = 20;   ///< 0: all
  std::size_t width = 80;  ///< columns of the terminal; never exceeded
  bool color = false;      ///< ANSI colours
};

/// Counters (throttled periods and time) are differences between the two snapshots; `before` may
/// be null, then they are shown since the cgroup was made.
std::string render_top(const Snapshot* before, const Snapshot& now, const TopOptions& options);

}  // namespace throttlelens
