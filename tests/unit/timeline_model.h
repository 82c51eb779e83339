// SPDX-License-Identifier: Apache-2.0
// The timeline as it would be written without any thought of cost: it keeps every window and
// computes everything anew. What the real one is compared with.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "timeline_batches.h"

namespace throttlelens::test {

class NaiveTimeline {
 public:
  struct Waits {
    Nanoseconds throttle{0};
    Nanoseconds contention{0};
    std::array<Nanoseconds, kThrottleLevels> throttled{};
  };
  struct Window {
    bool whole = false;
    std::optional<std::map<CgroupKey, Waits>> waits;
    std::map<CgroupKey, Nanoseconds> use;
    std::set<CgroupKey> unknown;
    std::map<CgroupKey, double> limit;  ///< CPU time per window, where there was one
  };
  struct Cgroup {
    WindowIndex appeared = 0;
    bool unused_before = false;
    Nanoseconds total{0};
    WaitTotals waits;
    Nanoseconds lost{0};
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
    if (batch.waits) apply_waits(*batch.waits, window);
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

  std::optional<WaitAmounts> waits(CgroupKey key, WindowIndex from, std::uint64_t count) const {
    if (!value(key, from, count)) return std::nullopt;
    Waits sum;
    for (WindowIndex i = from; i < from + count; ++i) {
      const Window& window = windows_[i - first_];
      if (!window.waits) return std::nullopt;
      const auto waits = window.waits->find(key);
      if (waits != window.waits->end()) add(sum, waits->second);
    }
    WaitAmounts amounts;
    amounts.throttle = sum.throttle;
    amounts.contention = sum.contention;
    Nanoseconds longest{0};
    for (std::size_t level = 0; level < kThrottleLevels; ++level) {
      amounts.throttled += sum.throttled[level];
      if (sum.throttled[level] > longest) amounts.level = static_cast<ThrottleLevel>(level);
      longest = std::max(longest, sum.throttled[level]);
    }
    return amounts;
  }

  std::optional<WaitTotals> wait_totals(CgroupKey key) const {
    if (!waits_told_) return std::nullopt;
    WaitTotals totals = cgroups.at(key).waits;
    if (lost_known_) totals.lost = cgroups.at(key).lost;
    return totals;
  }

  WindowValue read(CgroupKey key, Nanoseconds length) const {
    const auto count = static_cast<std::uint64_t>(length / options_.base);
    const auto span = static_cast<std::uint64_t>(options_.peak_span / options_.base);
    WindowValue result{.length = length, .last = {}, .peak = {}, .waits = {}};
    const std::uint64_t current = end() / count;
    if (current > 0) {
      result.last = value(key, (current - 1) * count, count);
      result.waits = waits(key, (current - 1) * count, count);
    }
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
  static void add(Waits& sum, const Waits& waits) {
    sum.throttle += waits.throttle;
    sum.contention += waits.contention;
    for (std::size_t level = 0; level < kThrottleLevels; ++level) {
      sum.throttled[level] += waits.throttled[level];
    }
  }

  void apply_waits(const BatchWaits& batch, Window& window) {
    waits_told_ = true;
    lost_known_ = batch.lost_known;
    window.waits.emplace();
    for (const CgroupWaits& told : batch.cgroups) {
      const auto found = cgroups.find(told.key);
      if (found == cgroups.end()) continue;
      Waits waits{.throttle = told.waits.throttle, .contention = told.waits.contention};
      if (told.waits.level) {
        waits.throttled[static_cast<std::size_t>(*told.waits.level)] = told.waits.throttled;
      }
      add((*window.waits)[told.key], waits);
      if (batch.lost_known) found->second.lost += told.lost;
      WaitTotals& totals = found->second.waits;
      totals.throttle += told.waits.throttle;
      totals.contention += told.waits.contention;
      totals.throttled_while_idle += told.throttled_while_idle;
      totals.throttle_waits.add(told.throttle_waits);
      totals.contention_waits.add(told.contention_waits);
      for (const auto& [level, length] : told.episodes) {
        totals.episodes[static_cast<std::size_t>(level)].add(length);
      }
    }
  }

  TimelineOptions options_;
  bool waits_told_ = false;
  bool lost_known_ = false;
  WindowIndex first_ = 0;
  std::vector<Window> windows_;
};

}  // namespace throttlelens::test
