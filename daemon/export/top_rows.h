// SPDX-License-Identifier: Apache-2.0
// The numbers of the table, before they are text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "export/top_table.h"
#include "model/snapshot.h"
#include "row_order.h"
#include "top_names.h"

namespace throttlelens {

struct TopRow {
  const CgroupRow* row = nullptr;
  TopName name;
  std::optional<double> peak;              ///< cores, of the shortest window
  std::vector<std::optional<double>> use;  ///< cores, in the order of Snapshot::reported
  std::optional<double> limit;             ///< cores
  std::optional<double> throttled_ratio;   ///< of the periods between the snapshots
  /// Per second between the snapshots; the sum since the cgroup was made if there is one only.
  std::optional<Nanoseconds> throttled_time;
  // Thread time waited per second of the longest window.
  std::optional<Nanoseconds> quota_wait;
  std::optional<Nanoseconds> cpu_wait;
  // What the pod, or a container outside of pods, costs. On one row of a pod only.
  std::optional<double> overhead;       ///< cores, between the snapshots
  std::optional<std::uint64_t> memory;  ///< private, bytes
};

std::optional<double> cores(std::optional<Nanoseconds> used, Nanoseconds length);

/// Sorted: containers, pods whose own cgroup has a limit or was throttled or that cost something
/// and have no container, and cgroups that hold no containers. Without the root unless it is the
/// only one: the header shows the node. `filter`: see TopOptions.
std::vector<TopRow> top_rows(const Snapshot* before, const Snapshot& now, TopOrder order,
                             std::string_view filter = {});

}  // namespace throttlelens
