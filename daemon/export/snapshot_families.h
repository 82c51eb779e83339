// SPDX-License-Identifier: Apache-2.0
// A snapshot as prometheus-cpp's metric families, one at a time or all at once.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "export/metrics.h"
#include "exposed_rows.h"
#include "family.h"
#include "hidden_families.h"
#include "model/snapshot.h"
#include "row_selection.h"

namespace throttlelens {

/// Without the families that `options` excludes. What it refers to must outlive it.
class SnapshotFamilies final : public prometheus::Collectable {
 public:
  SnapshotFamilies(const Snapshot& snapshot, const ProcessStats& process,
                   const MetricsOptions& options, std::uint64_t dropped_before);

  std::vector<prometheus::MetricFamily> Collect() const override;
  /// The same, holding one family in memory at a time. Families without samples are left out.
  void each(const TakeFamily& take) const;
  std::uint64_t dropped_so_far() const { return dropped_; }
  const SeriesLeftOut& left_out() const { return selection_.left_out; }

 private:
  void each_own(const TakeFamily& take) const;
  void each_service(const TakeFamily& take) const;
  void each_container_only(const TakeFamily& take) const;
  void each_pod(const TakeFamily& take) const;
  void each_overhead(const TakeFamily& take) const;
  void each_ended(const TakeFamily& take) const;
  /// All of kRowFamilies, of rows of one kind.
  void each_row_family(std::string_view prefix, RowKind kind, const TakeFamily& take) const;
  std::span<const ExposedRow> rows(RowKind kind) const;

  const Snapshot& snapshot_;
  const ProcessStats& process_;
  const MetricsOptions& options_;
  const HiddenFamilies hidden_;
  std::uint64_t dropped_;
  RowSelection selection_;
};

}  // namespace throttlelens
