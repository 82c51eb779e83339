// SPDX-License-Identifier: Apache-2.0
// What happened between a mark and a snapshot: exact differences of counters, or nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/mark.h"
#include "model/snapshot.h"

namespace throttlelens {

/// What a row did within the span, per second of all of it: also of a row that began or ended
/// within. Absent: there is no span, or it is not known.
struct SpanValues {
  std::optional<double> cores;  ///< CPU time used
  /// Of the busiest base window that lies within; windows that were missed are not known.
  std::optional<double> peak_cores;
  // Enforcement periods of its own limit. Absent until there is or was one.
  std::optional<std::uint64_t> periods;
  std::optional<std::uint64_t> throttled_periods;
  std::optional<double> throttled_ratio;  ///< of the periods; 0 if there were none
  std::optional<double> throttled;        ///< the kernel's throttled time, all CPUs added up
  // Thread time waited. Absent when the tier cannot know.
  std::optional<double> throttle_wait;
  std::optional<double> contention_wait;
};

/// Refers to both of them.
class Span {
 public:
  /// `start` may be null; then, and if it is not older than the snapshot, there is no span.
  Span(const Snapshot& snapshot, const Mark* start);

  /// From the end of the last base window in the mark to that of the last in the snapshot.
  std::optional<double> seconds() const { return seconds_; }

  /// A row that the mark has is the difference to it. One that it lacks is known only if all its
  /// counters began later (CgroupRow::first_window): then it is their whole value. A counter that
  /// went back is not known.
  SpanValues of(const CgroupRow& row) const;
  /// Whether the row began after the mark.
  bool began(const CgroupRow& row) const;

  /// CPU of a component in cores. A component that a row did not have in the mark began within. A
  /// row that the mark lacks is known only if what it belongs to `began`: then what its shim used
  /// in the moment before the container's cgroup was there counts as of the span.
  std::optional<double> overhead(const OverheadRow& row, OverheadComponent component,
                                 bool began) const;
  std::optional<double> node_overhead(OverheadComponent component) const;
  /// Absent also if the mark has no such service: its time may be older.
  std::optional<double> service(const ServiceRow& row) const;

 private:
  std::optional<Nanoseconds> peak(const CgroupRow& row) const;
  /// Per second; absent if one is, or the counter went back.
  std::optional<double> rate(std::optional<Nanoseconds> before,
                             std::optional<Nanoseconds> now) const;
  void fill_throttling(SpanValues& out, const RowCounters& before, const CgroupRow& now) const;

  const Snapshot& snapshot_;
  const Mark* start_ = nullptr;
  std::optional<double> seconds_;
  bool peaks_known_ = false;        ///< the start is among the snapshot's marks
  std::vector<const Mark*> later_;  ///< marks after the start
};

}  // namespace throttlelens
