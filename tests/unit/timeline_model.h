// SPDX-License-Identifier: Apache-2.0
// The timeline as it would be written without any thought of cost: it keeps every window and
// computes everything anew. What the real one is compared with.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "timeline_batches.h"

namespace throttlelens::test {

class NaiveTimeline {
 public:
  struct Window {
    bool whole = false;
    std::map<CgroupKey, Nanoseconds> use;
    std::set<CgroupKey> unknown;
    std::map<CgroupKey, double> limit;  ///< CPU time per window, where there was one
  };
  struct Cgroup {
    WindowIndex appeared = 0;
    bool unused_before = false;
    Nanoseconds total{0};
    std::optional<double> limit;
    bool limit_was_known = false;
    bool ended = false;
  };

  explicit NaiveTimeline(TimelineOptions options) : options_(std::move(options)) {}

  void apply(const WindowBatch& batch) {
    if (windows_.empty()) first_ = batch.first;
    windows_.resize(batch.first - first_);
    for (const auto& [key, parent, path, usage_before] : batch.appeared) {
      Cgroup fresh;
      fresh.appeared = batch.first;
      fresh.unused_before = usage_before && usage_before->count() == 0;
      cgroups[key] = fresh;
    }
    for (const auto& [key, value] : batch.bandwidth) {
      Cgroup& cgroup = cgroups.at(key);
      cgroup.limit.reset();
      if (value && value->limit) {
        cgroup.limit = value->limit->cores() * static_cast<double>(options_.base.count());
        cgroup.limit_was_known = true;
      }
    }
    for (std::uint32_t i = 0; i < batch.count; ++i) windows_.emplace_back();
    Window& window = windows_.back();
    window.whole = !batch.missed;
    window.unknown.insert(batch.unknown.begin(), batch.unknown.end());
    for (const auto& [key, used] : batch.use) {
      window.use[key] += used;
      cgroups.at(key).total += used;
    }
    for (const auto& [key, cgroup] : cgroups) {
      if (cgroup.limit && !cgroup.ended) window.limit[key] = *cgroup.limit;
    }
    for (const auto& [key, missed] : batch.corrections) cgroups.at(key).total += missed;
    for (const CgroupKey key : batch.gone) cgroups.at(key).ended = true;
  }

  WindowIndex end() const { return first_ + windows_.size(); }

  std::optional<Nanoseconds> value(CgroupKey key, WindowIndex from, std::uint64_t count) const {
    const Cgroup& cgroup = cgroups.at(key);
    const WindowIndex known_from = cgroup.unused_before ? from + count - 1 : from;
    if (known_from < cgroup.appeared || from < first_ || from + count > end()) return std::nullopt;
    Nanoseconds sum{0};
    for (WindowIndex i = from; i < from + count; ++i) {
      const Window& window = windows_[i - first_];
      if (!window.whole || window.unknown.contains(key)) return std::nullopt;
      const auto used = window.use.find(key);
      if (used != window.use.end()) sum += used->second;
    }
    return sum;
  }

  WindowValue read(CgroupKey key, Nanoseconds length) const {
    const auto count = static_cast<std::uint64_t>(length / options_.base);
    const auto span = static_cast<std::uint64_t>(options_.peak_span / options_.base);
    WindowValue result{.length = length, .last = {}, .peak = {}};
    const std::uint64_t current = end() / count;
    if (current > 0) result.last = value(key, (current - 1) * count, count);
    for (std::uint64_t m = current; m-- > 0 && (m + 1) * count + span > end();) {
      result.peak = std::max(result.peak, value(key, m * count, count));
    }
    return result;
  }

  std::optional<LimitRatioHistogram> ratios(CgroupKey key) const {
    const Cgroup& cgroup = cgroups.at(key);
    if (!cgroup.limit_was_known) return std::nullopt;
    LimitRatioHistogram histogram;
    for (WindowIndex i = std::max(cgroup.appeared, first_); i < end(); ++i) {
      const Window& window = windows_[i - first_];
      const auto limit = window.limit.find(key);
      if (!window.whole || window.unknown.contains(key) || limit == window.limit.end()) continue;
      const auto used = window.use.find(key);
      const double ratio =
          used == window.use.end() ? 0 : static_cast<double>(used->second.count()) / limit->second;
      std::size_t bucket = 0;
      while (bucket < kLimitRatioBounds.size() && ratio > kLimitRatioBounds[bucket]) ++bucket;
      ++histogram.buckets[bucket];
      histogram.sum += ratio;
    }
    return histogram;
  }

  std::map<CgroupKey, Cgroup> cgroups;

 private:
  TimelineOptions options_;
  WindowIndex first_ = 0;
  std::vector<Window> windows_;
};

}  // namespace throttlelens::test
