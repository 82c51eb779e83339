// SPDX-License-Identifier: Apache-2.0
// One snapshot under construction: rows, names and the timeline's reading joined.
#pragma once

#include <vector>

#include "model/series.h"
#include "model/snapshot.h"
#include "names.h"
#include "rows.h"

namespace throttlelens::accounts {

/// What it refers to must outlive it.
class SnapshotRows {
 public:
  /// `no_windows`: one per reported length, values absent.
  SnapshotRows(const Rows& rows, const Names& names, const TimelineReading& reading,
               const std::vector<WindowValue>& no_windows);

  std::vector<CgroupRow> cgroups() const;
  std::vector<ContainerRow> containers() const;
  std::vector<PodRow> pods() const;

 private:
  CgroupRow make(const Row& row) const;
  CgroupRow sum_up(const Groups::Group& group, const Row& newest) const;
  const Row* newest(const Groups::Group& group) const;
  std::vector<bool> above_containers() const;
  std::vector<bool> below_containers() const;

  const Rows& rows_;
  const Names& names_;
  const std::vector<WindowValue>& no_windows_;
  std::vector<const SeriesReading*> series_;  ///< in the order of paths
};

}  // namespace throttlelens::accounts
