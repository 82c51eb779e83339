// SPDX-License-Identifier: Apache-2.0
// The table people read: the busiest and the most throttled containers, and cgroups that are none,
// between two snapshots.
#pragma once

#include <cstddef>
#include <string>

#include "model/snapshot.h"

namespace throttlelens {

/// Highest first; ties, and rows that cannot know, by name. why: rows that something holds back
/// before those that are fine, each by use; wait: thread time waited in the longest window; cpu:
/// use in the second shortest window; throttled: time throttled, then share of periods; peak: of
/// the shortest window; overhead, memory: what the pod costs, on one row of it.
enum class TopOrder { why, wait, cpu, throttled, peak, overhead, memory, path };

struct TopOptions {
  TopOrder order = TopOrder::why;
  std::size_t rows = 20;   ///< 0: all
  std::size_t width = 80;  ///< columns of the terminal; never exceeded
  bool color = false;      ///< ANSI colours
  std::string filter{};  ///< only rows whose name, as it is shown, has this in it; case is ignored
};

/// Lines besides the rows, at most: header, losses, heading, blank, what was left out, legend
/// (two).
inline constexpr std::size_t kTopExtraLines = 7;

/// OVERHEAD and MEMORY, CPU and private memory of shim, runc, pause and conmon, stand once for each
/// pod: in its own row if it has one, else in that of its first container by name.
///
/// Counters (throttled periods and time, overhead) are differences between the two snapshots;
/// `before` may be null, then they are shown since the cgroup was made, and overhead is not known.
/// Bytes of names that are not printable ASCII are shown as \xNN, so that no name can command the
/// terminal.
std::string render_top(const Snapshot* before, const Snapshot& now, const TopOptions& options);

}  // namespace throttlelens
