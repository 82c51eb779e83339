// SPDX-License-Identifier: Apache-2.0
// The node's own windows. The node is named in every batch, so nothing here is lazy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "base/units.h"
#include "coverage.h"
#include "model/snapshot.h"
#include "model/window_batch.h"

namespace throttlelens::timeline {

class NodeSeries {
 public:
  NodeSeries(Nanoseconds base, std::size_t lengths) : base_(base), lengths_(lengths) {}

  /// Use of the base window that `coverage` is about to see.
  void add(const Coverage& coverage, const NodeUse& use);
  std::vector<NodeWindow> read(const Coverage& coverage,
                               std::span<const Nanoseconds> lengths) const;

 private:
  struct Sum {
    std::uint64_t window = std::numeric_limits<std::uint64_t>::max();
    Nanoseconds busy{0};
    bool busy_known = true;
    Nanoseconds idle{0};
    bool idle_known = true;
    double capacity_ns = 0;  ///< of all online CPUs, which may change within a window
  };
  struct Length {
    Sum current;  ///< may have ended since
    Sum before;
  };

  Nanoseconds base_;
  std::vector<Length> lengths_;
};

}  // namespace throttlelens::timeline
