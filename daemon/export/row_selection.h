// SPDX-License-Identifier: Apache-2.0
// Which cgroups a scrape shows when not all of them fit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/snapshot.h"

namespace throttlelens {

struct ExposedRow {
  const CgroupRow* row = nullptr;
  std::string label;  ///< value of the label `cgroup`
};

struct RowSelection {
  std::vector<ExposedRow> rows;  ///< in the snapshot's order
  std::uint64_t dropped_series = 0;
};

/// Bandwidth control if its counters say anything: there is a limit, or there was one. Else null.
const Bandwidth* shown_bandwidth(const CgroupRow& row);
/// How many series a row becomes.
std::uint64_t series_count(const CgroupRow& row);
RowSelection select_rows(const Snapshot& snapshot, std::uint64_t max_series);

}  // namespace throttlelens
