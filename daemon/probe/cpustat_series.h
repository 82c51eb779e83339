// SPDX-License-Identifier: Apache-2.0
// One cgroup as the cpustat source sees it: a counter polled at uneven times, cut at even edges.
// Pure; every value handed on is a difference of one running total, so sums never drift.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/units.h"
#include "model/cgroup.h"

namespace throttlelens {

/// Two readings of a counter, one after the other.
struct PollSpan {
  MonoTime from;
  MonoTime to;
};

struct CpustatSeries {
  CgroupKey key;
  CgroupKey parent;
  std::string path;

  bool newborn = false;               ///< appeared after the source started: counted from zero
  MonoTime born_after;                ///< the last poll without it
  bool counting = false;              ///< has been read at least once
  bool announced = false;             ///< a batch told of it
  std::uint32_t failed_reads = 0;     ///< before the first success
  std::optional<Nanoseconds> before;  ///< usage at the first window's start

  MonoTime polled_at;     ///< when it was read last; before that, when it was known to be 0
  Nanoseconds polled{0};  ///< usage then
  Nanoseconds handed{0};  ///< of that, told in batches
  /// An edge has passed that the use cannot be cut at: what is not handed on yet is for the total.
  bool blurred = false;
  bool windows_known = true;  ///< those that ended with the last poll
  Nanoseconds offset{0};      ///< lost by resets of the kernel's counter

  bool bandwidth_due = true;
  std::optional<Bandwidth> bandwidth;  ///< as last told

  /// Takes a reading and returns the usage it means. `most` is what the CPUs could have done
  /// since born_after: a newborn with more is none.
  Nanoseconds take(Nanoseconds reading, Nanoseconds most);
  /// Use up to `edge` not yet handed on, given usage `now` at the span's end.
  Nanoseconds hand_on(MonoTime edge, const PollSpan& span, Nanoseconds now);
  /// Starts counting at `edge`, the start of the first window.
  void start_at(MonoTime edge, const PollSpan& span, Nanoseconds now);
};

}  // namespace throttlelens
