// SPDX-License-Identifier: Apache-2.0
#include "timeline/timeline.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "amount.h"
#include "cgroup_series.h"
#include "coverage.h"
#include "node_series.h"

namespace throttlelens {

using namespace timeline;

namespace {

std::uint64_t windows_in(Nanoseconds span, Nanoseconds base) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(span / base, 1));
}

std::vector<std::uint64_t> factors(const TimelineOptions& options) {
  std::vector<std::uint64_t> factors;
  factors.reserve(options.reported.size());
  for (const Nanoseconds length : options.reported) {
    factors.push_back(windows_in(length, options.base));
  }
  return factors;
}

TimelineOptions usable(TimelineOptions options) {
  options.base = std::max(options.base, Nanoseconds(1));
  return options;
}

}  // namespace

struct Timeline::Impl {
  explicit Impl(TimelineOptions given)
      : options(std::move(given)),
        coverage(windows_in(options.history, options.base), factors(options),
                 windows_in(options.peak_span, options.base)),
        node(options.base, options.reported.size()) {}

  void apply_appeared(const WindowBatch& batch);
  void apply_use(const WindowBatch& batch, bool one_window);
  void apply_waits(const BatchWaits& waits, bool one_window);
  CgroupSeries& series(CgroupKey key);
  void expire_some();

  TimelineOptions options;
  Coverage coverage;
  NodeSeries node;
  std::unordered_map<CgroupKey, CgroupSeries> cgroups;
  std::size_t expire_next = 0;  ///< a bucket of `cgroups`
};

/// A cgroup that was not announced is taken to appear with the batch that names it.
CgroupSeries& Timeline::Impl::series(CgroupKey key) {
  return cgroups
      .try_emplace(key, Life{.appeared = coverage.end(), .unused_before = false, .unknown = {}},
                   options.reported.size())
      .first->second;
}

void Timeline::Impl::apply_appeared(const WindowBatch& batch) {
  for (const CgroupAppeared& appeared : batch.appeared) {
    const Life life{.appeared = coverage.end(),
                    .unused_before = appeared.usage_before == Nanoseconds(0),
                    .unknown = {}};
    const auto [found, is_new] = cgroups.try_emplace(appeared.key, life, options.reported.size());
    if (is_new) continue;
    if (found->second.ended()) {
      found->second = CgroupSeries(life, options.reported.size());
    } else if (appeared.usage_before) {
      found->second.restart_total();  // the kernel's counter now holds what was counted so far
    }
  }
}

void Timeline::Impl::apply_use(const WindowBatch& batch, bool one_window) {
  if (one_window) {
    for (const CgroupKey key : batch.unknown) series(key).add_unknown(coverage);
  }
  for (const CgroupUse& use : batch.use) {
    if (one_window) {
      series(use.key).add_window(coverage, at_least_zero(use.used));
    } else {
      series(use.key).add_total(at_least_zero(use.used));
    }
  }
  for (const UsageCorrection& correction : batch.corrections) {
    series(correction.key).add_total(at_least_zero(correction.missed));
  }
}

void Timeline::Impl::apply_waits(const BatchWaits& waits, bool one_window) {
  coverage.hear(waits);
  for (const CgroupWaits& told : waits.cgroups) {
    const auto found = cgroups.find(told.key);
    if (found == cgroups.end()) continue;
    if (one_window) {
      found->second.add_window(coverage, told);
    } else {
      found->second.add_total(coverage, told);
    }
  }
}

/// Frees old history of cgroups that no longer run, a few at a time: all within half a minute.
void Timeline::Impl::expire_some() {
  constexpr std::size_t kBucketsPerBatch = 8;
  for (std::size_t i = 0; i < kBucketsPerBatch && !cgroups.empty(); ++i) {
    expire_next = (expire_next + 1) % cgroups.bucket_count();
    for (auto it = cgroups.begin(expire_next); it != cgroups.end(expire_next); ++it) {
      it->second.expire(coverage);
    }
  }
}

Timeline::Timeline(const TimelineOptions& options)
    : impl_(std::make_unique<Impl>(usable(options))) {}

Timeline::~Timeline() = default;

void Timeline::apply(const WindowBatch& batch) {
  Coverage& coverage = impl_->coverage;
  if (!coverage.in_order(batch.first, batch.count)) return;
  coverage.begin(batch.first);
  // The use of several windows cannot be split, whatever the batch calls itself.
  const bool one_window = !batch.missed && batch.count == 1;

  impl_->apply_appeared(batch);
  for (const BandwidthSample& sample : batch.bandwidth) {
    const auto limit = sample.value ? sample.value->limit : std::nullopt;
    impl_->series(sample.key)
        .set_limit(coverage, LimitRatio::per_window(limit, impl_->options.base));
  }
  impl_->apply_use(batch, one_window);
  if (batch.waits) impl_->apply_waits(*batch.waits, one_window);
  if (one_window) {
    impl_->node.add(coverage, batch.node);
    coverage.seen(batch.waits.has_value());
  } else {
    coverage.missed(batch.count);
  }
  for (const CgroupKey key : batch.gone) {
    const auto found = impl_->cgroups.find(key);
    if (found != impl_->cgroups.end()) found->second.end(coverage);
  }
  impl_->expire_some();
}

TimelineReading Timeline::read() const {
  const Coverage& coverage = impl_->coverage;
  const std::vector<Nanoseconds>& lengths = impl_->options.reported;
  TimelineReading reading;
  reading.ready = coverage.windows_seen() > 0;
  reading.last_window = coverage.end() > 0 ? coverage.end() - 1 : 0;
  reading.node = impl_->node.read(coverage, lengths);
  reading.cgroups.reserve(impl_->cgroups.size());
  for (const auto& [key, series] : impl_->cgroups) {
    reading.cgroups.push_back(series.read(coverage, key, lengths));
  }
  return reading;
}

std::optional<SeriesReading> Timeline::read(CgroupKey key) const {
  const auto found = impl_->cgroups.find(key);
  if (found == impl_->cgroups.end()) return std::nullopt;
  return found->second.read(impl_->coverage, key, impl_->options.reported);
}

CountersReading Timeline::take_counters() {
  Coverage& coverage = impl_->coverage;
  CountersReading reading{.last_window = coverage.end() > 0 ? coverage.end() - 1 : 0,
                          .cgroups = {}};
  reading.cgroups.reserve(impl_->cgroups.size());
  for (const auto& [key, series] : impl_->cgroups) {
    reading.cgroups.push_back(series.counters(coverage, key));
  }
  coverage.begin_stretch();
  return reading;
}

std::vector<std::optional<HistoryWindow>> Timeline::history(CgroupKey key, WindowIndex first,
                                                            std::uint32_t count) const {
  std::vector<std::optional<HistoryWindow>> windows(count);
  const auto found = impl_->cgroups.find(key);
  if (found == impl_->cgroups.end()) return windows;
  const WindowIndex end = impl_->coverage.end();
  for (std::uint32_t i = 0; i < count && first < end && i < end - first; ++i) {
    windows[i] = found->second.at(impl_->coverage, first + i);
  }
  return windows;
}

void Timeline::forget(CgroupKey key) {
  impl_->cgroups.erase(key);
}

std::size_t Timeline::bytes(CgroupKey key) const {
  const auto found = impl_->cgroups.find(key);
  if (found == impl_->cgroups.end()) return 0;
  return found->second.bytes() + sizeof(*found) - sizeof(found->second);
}

}  // namespace throttlelens
