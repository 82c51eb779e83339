// SPDX-License-Identifier: Apache-2.0
// Short ways to write batches in the tests of the timeline.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "model/window_batch.h"
#include "timeline/timeline.h"

namespace throttlelens::test {

using namespace std::chrono_literals;

inline constexpr CgroupKey kA{11};
inline constexpr CgroupKey kB{22};

inline WindowBatch window(WindowIndex index,
                          std::initializer_list<std::pair<CgroupKey, Nanoseconds>> use = {}) {
  WindowBatch batch;
  batch.first = index;
  for (const auto& [key, used] : use) batch.use.push_back({key, used});
  return batch;
}

inline WindowBatch gap(WindowIndex first, std::uint32_t count,
                       std::initializer_list<std::pair<CgroupKey, Nanoseconds>> use = {}) {
  WindowBatch batch = window(first, use);
  batch.count = count;
  batch.missed = true;
  return batch;
}

inline WindowBatch with_appeared(WindowBatch batch, CgroupKey key,
                                 std::optional<Nanoseconds> usage_before = Nanoseconds(0)) {
  batch.appeared.push_back({.key = key,
                            .parent = {},
                            .path = "/" + std::to_string(key.id),
                            .usage_before = usage_before});
  return batch;
}

inline WindowBatch with_limit(WindowBatch batch, CgroupKey key, std::optional<CpuLimit> limit) {
  Bandwidth value;
  value.limit = limit;
  batch.bandwidth.push_back({.key = key, .value = value});
  return batch;
}

inline CpuLimit cores(double count) {
  return {
      .quota = Nanoseconds(static_cast<std::int64_t>(count * 1e8)), .period = 100ms, .burst = {}};
}

/// Of a source that tells waits: of these cgroups, and that all others have none.
inline WindowBatch with_waits(WindowBatch batch,
                              std::initializer_list<std::pair<CgroupKey, WaitAmounts>> waits = {}) {
  if (!batch.waits) batch.waits.emplace();
  for (const auto& [key, amounts] : waits) {
    CgroupWaits told;
    told.key = key;
    told.waits = amounts;
    batch.waits->cgroups.push_back(told);
  }
  return batch;
}

/// Windows in which nobody runs.
inline void idle(Timeline& timeline, WindowIndex from, WindowIndex to) {
  for (WindowIndex index = from; index < to; ++index) timeline.apply(window(index));
}

inline std::optional<SeriesReading> read_one(const Timeline& timeline, CgroupKey key) {
  for (SeriesReading& series : timeline.read().cgroups) {
    if (series.key == key) return std::move(series);
  }
  return std::nullopt;
}

/// The use of each window of a history.
inline std::vector<std::optional<Nanoseconds>> read_used(const Timeline& timeline, CgroupKey key,
                                                         WindowIndex first, std::uint32_t count) {
  std::vector<std::optional<Nanoseconds>> used;
  for (const auto& kept : timeline.history(key, first, count)) {
    used.push_back(kept ? std::optional(kept->used) : std::nullopt);
  }
  return used;
}

/// Positions of the default lengths in readings.
enum Length { k100ms, k1s, k5s };

inline WindowValue read_window(const Timeline& timeline, CgroupKey key, Length length) {
  const auto series = read_one(timeline, key);
  return series ? series->windows.at(length) : WindowValue{};
}

}  // namespace throttlelens::test
