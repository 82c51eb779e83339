// SPDX-License-Identifier: Apache-2.0
// What a source hands on, once a base window: plain values, nothing of the kernel's layout.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "model/cgroup.h"
#include "model/waits.h"

namespace throttlelens {

/// Window n covers [n * base, (n + 1) * base) of CLOCK_MONOTONIC.
using WindowIndex = std::uint64_t;

struct CgroupAppeared {
  CgroupKey key;
  CgroupKey parent;  ///< id 0 for the root
  std::string path;  ///< "/" for the root; hostile bytes
  /// The kernel's usage counter at the start of the batch's first window; absent when the kernel
  /// gave none (then totals count from here on, and the row's total is absent).
  std::optional<Nanoseconds> usage_before;
};

/// CPU time of a cgroup and all below it within the batch. Never negative.
struct CgroupUse {
  CgroupKey key;
  Nanoseconds used{0};
};

struct BandwidthSample {
  CgroupKey key;
  std::optional<Bandwidth> value;  ///< absent: its cpu controller was switched off (v2)
};

/// A wall-clock stretch in which a cgroup was throttled, all CPUs together, that ended.
struct ThrottleEpisode {
  ThrottleLevel level = ThrottleLevel::own;  ///< that ran dry when it began
  Nanoseconds length{0};
};

/// Waits of a cgroup and all below it within the batch, and what ended in it. Never negative.
struct CgroupWaits {
  CgroupKey key;
  WaitAmounts waits;
  Nanoseconds throttled_while_idle{0};  ///< at most waits.throttled
  Nanoseconds lost{0};                  ///< says nothing where BatchWaits::lost_known is false
  DurationHistogram throttle_waits;     ///< that ended
  DurationHistogram contention_waits;
  std::vector<ThrottleEpisode> episodes;  ///< that ended; may have begun many windows ago
};

struct BatchWaits {
  bool lost_known = false;
  std::vector<CgroupWaits> cgroups;  ///< only those with something to tell
};

/// Time that the kernel's usage counter shows and no window has (switches were lost, the counter
/// could not be read for a while): it belongs to the total, but to no window.
struct UsageCorrection {
  CgroupKey key;
  Nanoseconds missed{0};
};

struct NodeUse {
  std::uint32_t cpus_online = 0;
  /// Charged to any thread but idle, all CPUs; absent when the root's counter could not be read.
  std::optional<Nanoseconds> busy;
  std::optional<Nanoseconds> idle;  ///< wall time of the idle threads; absent in tier cpustat
};

/// Counters since the source started. What a tier cannot know is absent.
struct SourceLosses {
  /// Switches whose previous task was not the one recorded.
  std::optional<std::uint64_t> lost_switches;
  /// Of those, switches whose time was still found in the kernel's own fields.
  std::optional<std::uint64_t> recovered_switches;
  std::uint64_t missed_windows = 0;   ///< base windows read too late
  std::uint64_t dropped_cgroups = 0;  ///< cgroups beyond max_cgroups, counted once each
  /// Waits whose beginning was not seen whole: their length or their cause is known in part only.
  std::optional<std::uint64_t> partial_waits;
  /// Throttled stretches that found no room on their way to us.
  std::optional<std::uint64_t> lost_episodes;
  std::optional<Nanoseconds> probe_run_time;  ///< time the kernel spent in our programs, if known
  friend bool operator==(const SourceLosses&, const SourceLosses&) = default;
};

/// One completed base window, or a gap: windows that were read too late, whose use is known only
/// as one sum.
struct WindowBatch {
  WindowIndex first = 0;
  std::uint32_t count = 1;  ///< 1 unless missed
  bool missed = false;      ///< a gap: `use` belongs to totals, not to any window

  std::vector<CgroupAppeared> appeared;    ///< parents before children
  std::vector<CgroupUse> use;              ///< only cgroups that ran
  std::optional<BatchWaits> waits;         ///< absent when the tier cannot know
  std::vector<BandwidthSample> bandwidth;  ///< only cgroups whose values were read anew
  std::vector<UsageCorrection> corrections;
  /// Whose use of this window is not known: the window, and every longer one it is in, is absent
  /// for them. Not being named in `use` means 0. Says nothing in a gap.
  std::vector<CgroupKey> unknown;
  std::vector<CgroupKey> gone;  ///< removed; their last use is in this batch
  NodeUse node;
  SourceLosses losses;
};

}  // namespace throttlelens
