// SPDX-License-Identifier: Apache-2.0
// Makes the rows of a report, one at a time.
#pragma once

#include <map>
#include <string_view>
#include <tuple>
#include <vector>

#include "label_value.h"
#include "model/snapshot.h"
#include "report.h"
#include "report_span.h"

namespace throttlelens {

/// Of a snapshot: what all rows need to be made. Refers to the snapshot and the span.
class ReportRows {
 public:
  ReportRows(const Snapshot& snapshot, const Span& span);

  /// `row` has an identity.
  ReportRow container(const ContainerRow& row) const;
  ReportRow cgroup(const CgroupRow& row) const;  ///< it has a path
  /// `own` may be null.
  ReportPod pod(std::string_view pod_namespace, std::string_view name, const PodRow* own,
                std::vector<ReportRow> containers) const;
  std::string_view label(std::string_view text) const { return labels_.of(text); }

 private:
  using Name = std::tuple<std::string_view, std::string_view, std::string_view>;

  ReportRow row(const CgroupRow& cpu) const;
  void fill_from_containers(ReportRow& pod, const std::vector<ReportRow>& containers) const;
  OverheadValues overhead(const OverheadRow& row, bool began,
                          const std::optional<double>& own_cores) const;
  const OverheadRow* find_overhead(const Name& name) const;

  const Snapshot& snapshot_;
  const Span& span_;
  const LabelValues labels_;
  std::map<Name, const OverheadRow*> overhead_;
};

/// The ratio, too, once the parts are there.
void add_up(OverheadValues& overhead, std::optional<double> own_cores);

}  // namespace throttlelens
