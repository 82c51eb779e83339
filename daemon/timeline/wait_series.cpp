// SPDX-License-Identifier: Apache-2.0
#include "wait_series.h"

#include "amount.h"

namespace throttlelens::timeline {
namespace {

void add_to(Nanoseconds& total, Nanoseconds told) {
  total = add_saturated(total, at_least_zero(told));
}

void add_to(DurationHistogram& total, const DurationHistogram& told) {
  for (std::size_t i = 0; i < total.buckets.size(); ++i) {
    total.buckets[i] = add_saturated(total.buckets[i], told.buckets[i]);
  }
  add_to(total.sum, told.sum);
}

void add_to(WaitTotals& totals, const ThrottleEpisode& episode) {
  if (index_of(episode.level) >= kThrottleLevels) return;
  DurationHistogram one;
  one.add(episode.length);
  add_to(totals.episodes[index_of(episode.level)], one);
}

}  // namespace

WaitSeries::Remembered& WaitSeries::remembered() {
  if (!remembered_) remembered_ = std::make_unique<Remembered>();
  return *remembered_;
}

void WaitSeries::add_total(const Coverage& coverage, const CgroupWaits& waits) {
  WaitTotals& totals = remembered().totals;
  add_to(totals.throttle, waits.waits.throttle);
  add_to(totals.contention, waits.waits.contention);
  add_to(totals.throttled_while_idle, waits.throttled_while_idle);
  if (coverage.lost_known()) {
    if (!totals.lost) totals.lost = Nanoseconds(0);
    add_to(*totals.lost, waits.lost);
  }
  add_to(totals.throttle_waits, waits.throttle_waits);
  add_to(totals.contention_waits, waits.contention_waits);
  for (const ThrottleEpisode& episode : waits.episodes) add_to(totals, episode);
}

void WaitSeries::add_window(const Coverage& coverage, const WaitAmounts& waits) {
  const WaitAmounts amounts = usable(waits);
  Remembered& kept = remembered();
  kept.windows.resize(coverage.reported().size());
  for (std::size_t i = 0; i < kept.windows.size(); ++i) {
    kept.windows[i].to_add(coverage.reported()[i].current()).add(amounts);
  }
  kept.history.add(coverage.end(), coverage.base().oldest(), amounts);
}

WaitTotals WaitSeries::totals(const Coverage& coverage) const {
  WaitTotals totals = remembered_ ? remembered_->totals : WaitTotals{};
  if (!coverage.lost_known()) {
    totals.lost.reset();
  } else if (!totals.lost) {
    totals.lost = Nanoseconds(0);
  }
  return totals;
}

WaitAmounts WaitSeries::sum(std::size_t length, std::uint64_t last) const {
  if (!remembered_ || length >= remembered_->windows.size()) return {};
  return remembered_->windows[length].of(last).amounts();
}

WaitAmounts WaitSeries::at(WindowIndex window) const {
  return remembered_ ? remembered_->history.at(window) : WaitAmounts{};
}

void WaitSeries::expire(WindowIndex oldest) {
  if (remembered_) remembered_->history.expire(oldest);
}

std::size_t WaitSeries::bytes() const {
  if (!remembered_) return 0;
  return sizeof(Remembered) +
         remembered_->windows.capacity() * sizeof(remembered_->windows.front()) +
         remembered_->history.bytes();
}

}  // namespace throttlelens::timeline
