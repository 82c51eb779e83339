// SPDX-License-Identifier: Apache-2.0
#include "row_waits.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "row_values.h"

namespace throttlelens::row_waits {

namespace {

constexpr std::string_view kThrottle = "throttle";
constexpr std::string_view kContention = "contention";
constexpr Nanoseconds kLongWait = std::chrono::milliseconds(10);

/// In the order of Standing and ThrottleLevel. Neighbours of one name are one series.
constexpr std::array<std::array<std::string_view, kThrottleLevels>, 3> kLevelNames{{
    {"self", "ancestor", "ancestor"},
    {"container", "ancestor", "ancestor"},
    {"container", "pod", "ancestor"},
}};

/// There is or was a limit, or threads waited for quota.
bool concerns_quota(const CgroupRow& row) {
  return row_values::shown_bandwidth(row) != nullptr ||
         (row.waits && row.waits->throttle.count() > 0);
}

bool has_long_wait(const DurationHistogram& waits) {
  const auto first = static_cast<std::ptrdiff_t>(DurationHistogram::bucket_of(kLongWait) + 1);
  return std::any_of(waits.buckets.begin() + first, waits.buckets.end(),
                     [](std::uint64_t count) { return count > 0; });
}

}  // namespace

std::string_view level_name(Standing standing, ThrottleLevel level) {
  return kLevelNames[static_cast<std::size_t>(standing)][static_cast<std::size_t>(level)];
}

std::optional<double> throttled_while_idle_seconds(const CgroupRow& row) {
  if (!row.waits || !concerns_quota(row)) return std::nullopt;
  return to_seconds(row.waits->throttled_while_idle);
}

NumberParts wait_seconds(const CgroupRow& row) {
  NumberParts parts;
  if (!row.waits) return parts;
  if (concerns_quota(row)) parts.push_back({kThrottle, to_seconds(row.waits->throttle)});
  parts.push_back({kContention, to_seconds(row.waits->contention)});
  return parts;
}

std::optional<double> lost_seconds(const CgroupRow& row) {
  return row.waits ? as_seconds(row.waits->lost) : std::nullopt;
}

DurationParts wait_durations(const CgroupRow& row) {
  DurationParts parts;
  if (!row.waits) return parts;
  const WaitTotals& waits = *row.waits;
  if (has_long_wait(waits.throttle_waits)) parts.push_back({kThrottle, waits.throttle_waits});
  if (has_long_wait(waits.contention_waits)) parts.push_back({kContention, waits.contention_waits});
  return parts;
}

DurationParts throttle_episodes(const CgroupRow& row) {
  DurationParts parts;
  if (!row.waits) return parts;
  for (std::size_t level = 0; level < kThrottleLevels; ++level) {
    const DurationHistogram& episodes = row.waits->episodes[level];
    if (episodes.count() == 0) continue;
    const std::string_view name = level_name(row.standing, static_cast<ThrottleLevel>(level));
    if (!parts.empty() && parts.back().label == name) {
      parts.back().value.add(episodes);
    } else {
      parts.push_back({name, episodes});
    }
  }
  return parts;
}

}  // namespace throttlelens::row_waits
