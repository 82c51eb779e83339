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
  if (life_.unknown.any(coverage.end(), coverage.end() + 1)) return;
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    windows_[i].add(coverage.reported()[i], life_, used);
  }
  if (ratio_) ratio_->add(coverage.windows_seen(), used);
  history_.add(coverage.end(), coverage.base().oldest(), used);
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
  SeriesReading reading{.key = key, .total = total_, .windows = {}, .limit_ratio = {}};
  reading.windows.resize(windows_.size());
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    reading.windows[i].length = lengths[i];
    windows_[i].read(coverage.reported()[i], life_, reading.windows[i]);
  }
  if (ratio_) reading.limit_ratio = ratio_->read(coverage.windows_seen());
  return reading;
}

std::optional<Nanoseconds> CgroupSeries::at(const Coverage& coverage, WindowIndex window) const {
  const Grid& base = coverage.base();
  if (!life_.knows(base, window) || window < base.oldest() || !base.whole(window)) {
    return std::nullopt;
  }
  return history_.at(window);
}

void CgroupSeries::expire(const Coverage& coverage) {
  WindowIndex oldest = coverage.base().oldest();
  history_.expire(oldest);
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    const Grid& grid = coverage.reported()[i];
    windows_[i].expire(grid);
    // The last window may be longer than the span that is remembered.
    const std::uint64_t last = grid.current() > 0 ? grid.current() - 1 : 0;
    oldest = std::min(oldest, std::min(grid.oldest(), last) * grid.factor());
  }
  life_.unknown.expire(oldest);
}

std::size_t CgroupSeries::bytes() const {
  std::size_t bytes = sizeof(*this) + windows_.capacity() * sizeof(WindowSum) + history_.bytes() +
                      life_.unknown.bytes();
  for (const WindowSum& window : windows_) bytes += window.bytes();
  if (ratio_) bytes += sizeof(LimitRatio);
  return bytes;
}

}  // namespace throttlelens::timeline
