// SPDX-License-Identifier: Apache-2.0
// A snapshot as prometheus-cpp's metric families, one at a time or all at once.
#pragma once

#include <functional>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "export/metrics.h"
#include "model/snapshot.h"
#include "row_selection.h"

namespace throttlelens {

/// What it refers to must outlive it.
class SnapshotFamilies final : public prometheus::Collectable {
 public:
  using Take = std::function<void(prometheus::MetricFamily&&)>;

  SnapshotFamilies(const Snapshot& snapshot, const ProcessStats& process,
                   const MetricsOptions& options, std::uint64_t dropped_before);

  std::vector<prometheus::MetricFamily> Collect() const override;
  /// The same, holding one family in memory at a time. Families without samples are left out.
  void each(const Take& take) const;
  std::uint64_t dropped_so_far() const { return dropped_; }

 private:
  void each_own(const Take& take) const;
  void each_cgroup_family(const Take& take) const;

  const Snapshot& snapshot_;
  const ProcessStats& process_;
  const MetricsOptions& options_;
  std::uint64_t dropped_;
  std::vector<ExposedRow> rows_;
};

}  // namespace throttlelens
