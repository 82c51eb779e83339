// SPDX-License-Identifier: Apache-2.0
#include "cgroup_series.h"

#include <algorithm>

#include "amount.h"

namespace throttlelens::timeline {

void CgroupSeries::add_total(Nanoseconds used) {
  total_ = add_saturated(total_, used);
}

void CgroupSeries::add_unknown(const Coverage& coverage) {
  life_.unknown.add(coverage.end());
  if (ratio_) ratio_->skip(coverage.windows_seen());
}

void CgroupSeries::add_window(const Coverage& coverage, Nanoseconds used) {
  add_total(used);
  if (unknown_now(coverage)) return;
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    windows_[i].add(coverage.reported()[i], life_, used);
  }
  if (ratio_) ratio_->add(coverage.windows_seen(), used);
  peak_.add(coverage.stretch(), coverage.end(), used);
  history_.add(coverage.end(), coverage.base().oldest(), used);
}

void CgroupSeries::add_total(const Coverage& coverage, const CgroupWaits& waits) {
  waits_.add_total(coverage, waits);
}

void CgroupSeries::add_window(const Coverage& coverage, const CgroupWaits& waits) {
  add_total(coverage, waits);
  if (!unknown_now(coverage)) waits_.add_window(coverage, waits.waits);
}

bool CgroupSeries::unknown_now(const Coverage& coverage) const {
  return life_.unknown.any(coverage.end(), coverage.end() + 1);
}

void CgroupSeries::set_limit(const Coverage& coverage, std::optional<double> limit) {
  if (ended_) limit = std::nullopt;
  if (!ratio_) {
    if (!limit) return;
    ratio_ = std::make_unique<LimitRatio>();
  }
  ratio_->set_limit(limit, coverage.windows_seen());
}

void CgroupSeries::end(const Coverage& coverage) {
  ended_ = true;
  set_limit(coverage, std::nullopt);
}

SeriesReading CgroupSeries::read(const Coverage& coverage, CgroupKey key,
                                 std::span<const Nanoseconds> lengths) const {
  SeriesReading reading{.key = key,
                        .total = total_,
                        .windows = {},
                        .limit_ratio = {},
                        .waits = {},
                        .peak = peak(coverage)};
  reading.windows.resize(windows_.size());
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    const Grid& grid = coverage.reported()[i];
    WindowValue& value = reading.windows[i];
    value.length = lengths[i];
    windows_[i].read(grid, life_, value);
    if (const auto last = life_.last_known(grid);
        last && coverage.waits_known(*last * grid.factor(), (*last + 1) * grid.factor())) {
      value.waits = waits_.sum(i, *last);
    }
  }
  if (ratio_) reading.limit_ratio = ratio_->read(coverage.windows_seen());
  if (coverage.waits_told()) reading.waits = waits_.totals(coverage);
  return reading;
}

CounterReading CgroupSeries::counters(const Coverage& coverage, CgroupKey key) const {
  CounterReading reading{.key = key,
                         .total = total_,
                         .throttle_wait = {},
                         .contention_wait = {},
                         .peak = peak(coverage)};
  if (coverage.waits_told()) {
    reading.throttle_wait = waits_.throttle();
    reading.contention_wait = waits_.contention();
  }
  return reading;
}

std::optional<Nanoseconds> CgroupSeries::peak(const Coverage& coverage) const {
  const WindowIndex oldest = std::max(coverage.stretch(), coverage.base().oldest());
  if (!life_.knows_any(coverage.base(), oldest)) return std::nullopt;
  return peak_.of(coverage.stretch());
}

std::optional<HistoryWindow> CgroupSeries::at(const Coverage& coverage, WindowIndex window) const {
  const Grid& base = coverage.base();
  if (!life_.knows(base, window) || window < base.oldest() || !base.whole(window)) {
    return std::nullopt;
  }
  HistoryWindow kept{.used = history_.at(window), .waits = {}};
  if (coverage.waits_known(window, window + 1)) kept.waits = waits_.at(window);
  return kept;
}

void CgroupSeries::expire(const Coverage& coverage) {
  history_.expire(coverage.base().oldest());
  waits_.expire(coverage.base().oldest());
  for (std::size_t i = 0; i < windows_.size(); ++i) windows_[i].expire(coverage.reported()[i]);
  life_.unknown.expire(coverage.oldest());
}

std::size_t CgroupSeries::bytes() const {
  std::size_t bytes = sizeof(*this) + windows_.capacity() * sizeof(WindowSum) + history_.bytes() +
                      life_.unknown.bytes() + waits_.bytes();
  for (const WindowSum& window : windows_) bytes += window.bytes();
  if (ratio_) bytes += sizeof(LimitRatio);
  return bytes;
}

}  // namespace throttlelens::timeline
