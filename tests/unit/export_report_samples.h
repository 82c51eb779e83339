// SPDX-License-Identifier: Apache-2.0
// Hand-made snapshots with a past of five seconds, for the tests of the export room.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "export_samples.h"
#include "model/mark.h"

namespace throttlelens::samples {

struct Past {
  Snapshot now;
  std::shared_ptr<Mark> start;  ///< the first of the snapshot's marks
};

/// What a row's counters were; each moved by a known amount since.
inline RowCounters counters_before(const CgroupRow& row) {
  RowCounters out;
  out.id = row.id;
  if (row.usage) out.usage = *row.usage - 1s;
  if (row.waits) {
    out.throttle_wait = row.waits->throttle - 500ms;
    out.contention_wait = row.waits->contention - 250ms;
  }
  if (row.bandwidth) {
    out.throttled_time = row.bandwidth->throttled_time - 1s;
    out.nr_periods = row.bandwidth->nr_periods - 40;
    out.nr_throttled = row.bandwidth->nr_throttled - 10;
  }
  out.peak = 900ms;  // before the start: of no concern
  return out;
}

inline std::vector<CgroupRow*> all_rows(Snapshot& snapshot) {
  std::vector<CgroupRow*> rows;
  for (CgroupRow& row : snapshot.cgroups) rows.push_back(&row);
  for (ContainerRow& row : snapshot.containers) rows.push_back(&row.cpu);
  for (PodRow& row : snapshot.pods) rows.push_back(&row.cpu);
  return rows;
}

/// Gives the rows ids, and the snapshot a mark of 5 s ago and one of 1 s ago. In between each row
/// used 1 s, at most 150 ms in a window; components of overhead used 5 ms a row and 50 ms on the
/// node, services 100 ms.
inline Past with_past(Snapshot now) {
  Past out{.now = std::move(now), .start = std::make_shared<Mark>()};
  Mark& start = *out.start;
  start.window = out.now.last_window - 50;
  start.at = {out.now.base * (start.window + 1)};
  auto later = std::make_shared<Mark>();
  later->window = out.now.last_window - 10;
  later->at = {out.now.base * (later->window + 1)};
  std::uint64_t id = 0;
  for (CgroupRow* row : all_rows(out.now)) {
    row->id = ++id;
    row->peak_since_mark = 120ms;
    start.rows.push_back(counters_before(*row));
    later->rows.push_back(counters_before(*row));
    later->rows.back().peak = 150ms;
  }
  for (OverheadRow& row : out.now.overhead) {
    row.id = ++id;
    OverheadCounters before{.id = row.id};
    for (std::size_t i = 0; i < kOverheadComponents; ++i) {
      if (row.parts[i].cpu) before.cpu[i] = *row.parts[i].cpu - 5ms;
    }
    start.overhead.push_back(before);
  }
  for (std::size_t i = 0; i < kOverheadComponents; ++i) {
    if (out.now.node_overhead[i]) start.node_overhead[i] = *out.now.node_overhead[i] - 50ms;
  }
  start.services = out.now.services;
  for (ServiceRow& row : start.services) {
    if (row.cpu) *row.cpu -= 100ms;
  }
  out.now.marks = std::make_shared<const Marks>(Marks{out.start, later});
  return out;
}

}  // namespace throttlelens::samples
