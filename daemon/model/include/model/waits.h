// SPDX-License-Identifier: Apache-2.0
// Why threads that could run did not: out of quota, or crowded out.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>

#include "base/units.h"

namespace throttlelens {

/// Upper bounds of the histograms of waits and of throttle episodes; the last bucket is +Inf.
inline constexpr std::array<Nanoseconds, 7> kDurationBounds{
    std::chrono::milliseconds(1),   std::chrono::milliseconds(3),   std::chrono::milliseconds(10),
    std::chrono::milliseconds(30),  std::chrono::milliseconds(100), std::chrono::milliseconds(300),
    std::chrono::milliseconds(1000)};

/// Durations counted by length, and their sum.
struct DurationHistogram {
  std::array<std::uint64_t, kDurationBounds.size() + 1> buckets{};  ///< not cumulative
  Nanoseconds sum{0};

  /// A duration equal to a bound belongs to that bound's bucket, as Prometheus counts.
  static constexpr std::size_t bucket_of(Nanoseconds duration) {
    return static_cast<std::size_t>(std::distance(
        kDurationBounds.begin(), std::ranges::lower_bound(kDurationBounds, duration)));
  }
  constexpr void add(Nanoseconds duration) {
    ++buckets[bucket_of(duration)];
    sum += duration;
  }
  constexpr void add(const DurationHistogram& other) {
    for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += other.buckets[i];
    sum += other.sum;
  }
  constexpr std::uint64_t count() const {
    std::uint64_t total = 0;
    for (const std::uint64_t bucket : buckets) total += bucket;
    return total;
  }
  friend bool operator==(const DurationHistogram&, const DurationHistogram&) = default;
};

/// Which level of the cgroup tree ran out of quota, seen from the cgroup that was throttled.
enum class ThrottleLevel : std::uint8_t {
  own,     ///< the cgroup itself
  parent,  ///< the one above: a container's pod
  above,   ///< further up
};
inline constexpr std::size_t kThrottleLevels = 3;

/// Waits of a cgroup's threads, and of those below it, within some stretch of time.
/// A thread waits while it could run and does not; waits in progress are included as far as they
/// have come. Thread-time: two threads that wait for one second are two seconds.
struct WaitAmounts {
  Nanoseconds throttle{0};  ///< its queue was throttled: a quota of its own cgroup or above ran out
  Nanoseconds contention{0};  ///< the rest: others had the CPU
  /// Wall-clock time in which, on at least one CPU, a thread of it waited for quota of this cgroup
  /// or of one above.
  Nanoseconds throttled{0};
  std::optional<ThrottleLevel> level;  ///< of the longest part of `throttled`; absent without
  friend bool operator==(const WaitAmounts&, const WaitAmounts&) = default;
};

/// What is counted of waits since the cgroup appeared to the source.
struct WaitTotals {
  Nanoseconds throttle{0};
  Nanoseconds contention{0};
  /// The part of the wall-clock throttled time in which a CPU of the node was idle.
  Nanoseconds throttled_while_idle{0};
  /// Time of its slices that interrupts and the hypervisor took; absent when the kernel does not
  /// tell (no irq and no steal time accounting).
  std::optional<Nanoseconds> lost;
  /// Waits that ended, each split by cause: one that had both is in both, each with its part.
  DurationHistogram throttle_waits;
  DurationHistogram contention_waits;
  /// Wall-clock stretches of `WaitAmounts::throttled` that ended, by the level that began it.
  std::array<DurationHistogram, kThrottleLevels> episodes{};
  friend bool operator==(const WaitTotals&, const WaitTotals&) = default;
};

}  // namespace throttlelens
