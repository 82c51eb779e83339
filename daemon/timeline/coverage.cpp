// SPDX-License-Identifier: Apache-2.0
#include "coverage.h"

#include <algorithm>

namespace throttlelens::timeline {
namespace {

/// Beyond any uptime in nanoseconds; sums of indexes below it cannot wrap.
constexpr WindowIndex kIndexLimit = WindowIndex{1} << 62;

}  // namespace

Grid::Grid(std::uint64_t factor, std::uint64_t span)
    : factor_(factor), span_(span), whole_(span / factor + 2) {}

bool Grid::whole(std::uint64_t window) const {
  return window < current_ && current_ - window <= whole_.size() && whole_[window % whole_.size()];
}

void Grid::start(WindowIndex first) {
  move_to(first);
}

void Grid::advance(WindowIndex end, std::uint64_t run) {
  if (end % factor_ == 0) {
    const std::uint64_t ended = end / factor_ - 1;
    whole_[ended % whole_.size()] = run >= factor_;
    if (run >= factor_) newest_whole_ = ended;
  }
  move_to(end);
}

void Grid::skip(WindowIndex end) {
  const std::uint64_t next = end / factor_;
  const std::uint64_t ended = std::min<std::uint64_t>(next - current_, whole_.size());
  for (std::uint64_t window = next - ended; window < next; ++window) {
    whole_[window % whole_.size()] = false;
  }
  move_to(end);
}

void Grid::move_to(WindowIndex end) {
  current_ = end / factor_;
  // Window m has ended after end - span when (m + 1) * factor > end - span.
  oldest_ = end > span_ ? (end - span_) / factor_ : 0;
}

Coverage::Coverage(std::uint64_t history, const std::vector<std::uint64_t>& factors,
                   std::uint64_t peak_span)
    : base_(1, history) {
  reported_.reserve(factors.size());
  for (const std::uint64_t factor : factors) reported_.emplace_back(factor, peak_span);
}

bool Coverage::in_order(WindowIndex first, std::uint32_t count) const {
  return first < kIndexLimit - count && (!started_ || first >= end_);
}

void Coverage::begin(WindowIndex first) {
  if (!started_) {
    started_ = true;
    end_ = first;
    base_.start(first);
    for (Grid& grid : reported_) grid.start(first);
  }
  if (first == end_) return;
  end_ = first;
  run_ = 0;
  base_.skip(end_);
  for (Grid& grid : reported_) grid.skip(end_);
}

void Coverage::hear(const BatchWaits& waits) {
  waits_told_ = true;
  lost_known_ = waits.lost_known;
}

void Coverage::seen(bool with_waits) {
  if (!with_waits) {
    without_waits_.expire(oldest());
    without_waits_.add(end_);
  }
  ++end_;
  ++seen_;
  ++run_;
  base_.advance(end_, run_);
  for (Grid& grid : reported_) grid.advance(end_, run_);
}

void Coverage::missed(std::uint32_t count) {
  if (count != 0) begin(end_ + count);
}

WindowIndex Coverage::oldest() const {
  WindowIndex oldest = base_.oldest();
  for (const Grid& grid : reported_) {
    // The last window may be longer than the span that is remembered.
    const std::uint64_t last = grid.current() > 0 ? grid.current() - 1 : 0;
    oldest = std::min(oldest, std::min(grid.oldest(), last) * grid.factor());
  }
  return oldest;
}

}  // namespace throttlelens::timeline
