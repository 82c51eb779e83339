// SPDX-License-Identifier: Apache-2.0
#include "node_series.h"

#include <algorithm>

#include "amount.h"

namespace throttlelens::timeline {

void NodeSeries::add(const Coverage& coverage, const NodeUse& use) {
  for (std::size_t i = 0; i < lengths_.size(); ++i) {
    auto& [current, before] = lengths_[i];
    if (const std::uint64_t now = coverage.reported()[i].current(); current.window != now) {
      before = current;
      current = Sum{};
      current.window = now;
    }
    current.busy = add_saturated(current.busy, at_least_zero(use.busy.value_or(Nanoseconds(0))));
    current.busy_known = current.busy_known && use.busy.has_value();
    current.idle = add_saturated(current.idle, at_least_zero(use.idle.value_or(Nanoseconds(0))));
    current.idle_known = current.idle_known && use.idle.has_value();
    current.capacity_ns += static_cast<double>(base_.count()) * use.cpus_online;
  }
}

std::vector<NodeWindow> NodeSeries::read(const Coverage& coverage,
                                         std::span<const Nanoseconds> lengths) const {
  std::vector<NodeWindow> windows(lengths_.size());
  for (std::size_t i = 0; i < lengths_.size(); ++i) {
    windows[i].length = lengths[i];
    const auto last = coverage.reported()[i].last_whole();
    if (!last) continue;
    const Sum& sum = lengths_[i].current.window == *last ? lengths_[i].current : lengths_[i].before;
    if (sum.busy_known) windows[i].busy = sum.busy;
    if (sum.idle_known && sum.capacity_ns > 0) {
      windows[i].idle_ratio =
          std::clamp(static_cast<double>(sum.idle.count()) / sum.capacity_ns, 0.0, 1.0);
    }
  }
  return windows;
}

}  // namespace throttlelens::timeline
