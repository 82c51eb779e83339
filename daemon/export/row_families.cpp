// SPDX-License-Identifier: Apache-2.0
#include "row_families.h"

namespace throttlelens {

namespace {

/// Of a histogram with this many buckets: each, and _sum and _count.
constexpr std::uint64_t histogram_series(std::size_t buckets) {
  return buckets + 2;
}

struct CountSeries {
  const CgroupRow& row;

  std::uint64_t operator()(PlainValue value) const { return value(row) ? 1 : 0; }
  std::uint64_t operator()(WindowField field) const {
    std::uint64_t count = 0;
    for (const WindowValue& window : row.windows) {
      if (as_cores(window.*field, window.length)) ++count;
    }
    return count;
  }
  std::uint64_t operator()(LimitRatios ratios) const {
    const auto& known = row.*ratios;
    return known ? histogram_series(known->buckets.size()) : 0;
  }
  std::uint64_t operator()(NumbersBy numbers) const { return numbers.of(row).size(); }
  std::uint64_t operator()(DurationsBy durations) const {
    return durations.of(row).size() * histogram_series(kDurationBounds.size() + 1);
  }
};

}  // namespace

std::uint64_t series_count(const CgroupRow& row, const RowFamily& family) {
  return std::visit(CountSeries{row}, family.value);
}

}  // namespace throttlelens
