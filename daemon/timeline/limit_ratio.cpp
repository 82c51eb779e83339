// SPDX-License-Identifier: Apache-2.0
#include "limit_ratio.h"

#include <algorithm>

#include "amount.h"

namespace throttlelens::timeline {

std::optional<double> LimitRatio::per_window(const std::optional<CpuLimit>& limit,
                                             Nanoseconds base) {
  if (!limit || limit->quota.count() <= 0 || limit->period.count() <= 0) return std::nullopt;
  return static_cast<double>(limit->quota.count()) * static_cast<double>(base.count()) /
         static_cast<double>(limit->period.count());
}

void LimitRatio::set_limit(std::optional<double> limit, std::uint64_t seen) {
  count_until(seen);
  limit_ = limit;
}

void LimitRatio::add(std::uint64_t seen, Nanoseconds used) {
  count_until(seen);
  if (used_window_ != seen) used_ = Nanoseconds(0);
  used_window_ = seen;
  used_ = add_saturated(used_, used);
}

void LimitRatio::skip(std::uint64_t seen) {
  count_until(seen);
  counted_ = seen + 1;
}

LimitRatioHistogram LimitRatio::read(std::uint64_t seen) const {
  LimitRatio copy = *this;
  copy.count_until(seen);
  return copy.histogram_;
}

void LimitRatio::count_until(std::uint64_t seen) {
  if (seen <= counted_) return;
  if (limit_) {
    std::uint64_t idle = seen - counted_;
    if (used_window_ >= counted_ && used_window_ < seen) {
      const double ratio = static_cast<double>(used_.count()) / *limit_;
      const auto bucket = std::ranges::lower_bound(kLimitRatioBounds, ratio);
      ++histogram_.buckets[static_cast<std::size_t>(bucket - kLimitRatioBounds.begin())];
      histogram_.sum += ratio;
      --idle;
    }
    histogram_.buckets.front() += idle;
  }
  counted_ = seen;
}

}  // namespace throttlelens::timeline
