// SPDX-License-Identifier: Apache-2.0
// One snapshot under construction: rows, names and the timeline's reading joined.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/series.h"
#include "model/snapshot.h"
#include "names.h"
#include "rows.h"

namespace throttlelens::accounts {

/// What it refers to must outlive it.
class SnapshotRows {
 public:
  /// `no_windows`: one per reported length, values absent. `cpus_online`: 0 if not known.
  SnapshotRows(const Rows& rows, const Names& names, const TimelineReading& reading,
               const std::vector<WindowValue>& no_windows, std::uint32_t cpus_online);

  std::vector<CgroupRow> cgroups() const;
  std::vector<ContainerRow> containers() const;
  std::vector<PodRow> pods() const;
  std::optional<Nanoseconds> usage(const Row& row) const;

 private:
  CgroupRow make(const Row& row) const;
  Standing standing(const Row& row) const;
  bool same_limit_above(const Row& row) const;
  std::optional<Why> why(const CgroupRow& shown, const Row& row) const;
  CgroupRow sum_up(const Groups::Group& group, const Row& newest) const;
  std::vector<bool> above_containers() const;
  std::vector<bool> below_containers() const;

  const Rows& rows_;
  const Names& names_;
  const std::vector<WindowValue>& no_windows_;
  const std::vector<NodeWindow>& node_;
  const std::uint32_t cpus_online_;
  std::vector<const SeriesReading*> series_;  ///< in the order of paths
};

}  // namespace throttlelens::accounts
