// SPDX-License-Identifier: Apache-2.0
#include "totals.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace throttlelens::accounts {

Nanoseconds saturated_sum(Nanoseconds a, Nanoseconds b) {
  std::int64_t result = 0;
  if (__builtin_add_overflow(a.count(), b.count(), &result)) return Nanoseconds::max();
  return Nanoseconds(result);
}

namespace {

/// Optional counters: what one of them knows is known.
template <typename T, typename Add>
void add_known(std::optional<T>& to, const std::optional<T>& from, Add add) {
  if (!from) return;
  to = to ? add(*to, *from) : *from;
}

Bandwidth sum(const Bandwidth& a, const Bandwidth& b) {
  Bandwidth result = a;
  result.nr_periods += b.nr_periods;
  result.nr_throttled += b.nr_throttled;
  result.throttled_time = saturated_sum(a.throttled_time, b.throttled_time);
  add_known(result.nr_bursts, b.nr_bursts, [](std::uint64_t x, std::uint64_t y) { return x + y; });
  add_known(result.burst_time, b.burst_time, saturated_sum);
  return result;
}

LimitRatioHistogram sum(const LimitRatioHistogram& a, const LimitRatioHistogram& b) {
  LimitRatioHistogram result = a;
  for (std::size_t i = 0; i < result.buckets.size(); ++i) result.buckets[i] += b.buckets[i];
  result.sum += b.sum;
  return result;
}

Nanoseconds sum(Nanoseconds a, Nanoseconds b) {
  return saturated_sum(a, b);
}

WaitTotals sum(const WaitTotals& a, const WaitTotals& b) {
  WaitTotals result = a;
  result.throttle = saturated_sum(a.throttle, b.throttle);
  result.contention = saturated_sum(a.contention, b.contention);
  result.throttled_while_idle = saturated_sum(a.throttled_while_idle, b.throttled_while_idle);
  add_known(result.lost, b.lost, saturated_sum);
  result.throttle_waits.add(b.throttle_waits);
  result.contention_waits.add(b.contention_waits);
  for (std::size_t i = 0; i < kThrottleLevels; ++i) result.episodes[i].add(b.episodes[i]);
  return result;
}

}  // namespace

void add_known(std::optional<Nanoseconds>& to, std::optional<Nanoseconds> from) {
  add_known(to, from, saturated_sum);
}

void Totals::add(const Totals& other) {
  const auto plus = [](const auto& a, const auto& b) { return sum(a, b); };
  add_known(usage, other.usage, plus);
  add_known(bandwidth, other.bandwidth, plus);
  add_known(limit_ratio, other.limit_ratio, plus);
  add_known(waits, other.waits, plus);
  peak = std::max(peak, other.peak);  // absent is the least
  first_window = std::min(first_window, other.first_window);
}

std::optional<Nanoseconds> usage_of(const Row& row, Nanoseconds total) {
  if (!row.usage_before) return std::nullopt;
  return saturated_sum(*row.usage_before, total);
}

Totals totals_of(const Row& row, const SeriesReading* series) {
  Totals totals;
  totals.bandwidth = row.bandwidth;
  totals.first_window = row.first_window;
  if (totals.bandwidth) totals.bandwidth->limit.reset();
  if (series == nullptr) return totals;
  totals.usage = usage_of(row, series->total);
  totals.limit_ratio = series->limit_ratio;
  totals.waits = series->waits;
  totals.peak = series->peak;
  return totals;
}

}  // namespace throttlelens::accounts
