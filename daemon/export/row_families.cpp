// SPDX-License-Identifier: Apache-2.0
#include "row_families.h"

namespace throttlelens {

namespace {

/// Bandwidth control if its counters say anything. Else null.
const Bandwidth* shown_bandwidth(const CgroupRow& row) {
  if (!row.bandwidth) return nullptr;
  const Bandwidth& bandwidth = *row.bandwidth;
  return bandwidth.limit || bandwidth.nr_periods > 0 ? &bandwidth : nullptr;
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
    return known ? known->buckets.size() + 2 : 0;  // and _sum, _count
  }
};

}  // namespace

namespace row_values {

std::optional<double> usage_seconds(const CgroupRow& row) {
  return as_seconds(row.usage);
}

std::optional<double> limit_cores(const CgroupRow& row) {
  if (!row.bandwidth || !row.bandwidth->limit) return std::nullopt;
  const CpuLimit& limit = *row.bandwidth->limit;
  return limit.period.count() > 0 ? std::optional(limit.cores()) : std::nullopt;
}

std::optional<double> periods(const CgroupRow& row) {
  const Bandwidth* const shown = shown_bandwidth(row);
  return shown != nullptr ? as_double(shown->nr_periods) : std::nullopt;
}

std::optional<double> throttled_periods(const CgroupRow& row) {
  const Bandwidth* const shown = shown_bandwidth(row);
  return shown != nullptr ? as_double(shown->nr_throttled) : std::nullopt;
}

std::optional<double> throttled_seconds(const CgroupRow& row) {
  const Bandwidth* const shown = shown_bandwidth(row);
  return shown != nullptr ? as_seconds(shown->throttled_time) : std::nullopt;
}

std::optional<double> burst_periods(const CgroupRow& row) {
  const Bandwidth* const shown = shown_bandwidth(row);
  return shown != nullptr ? as_double(shown->nr_bursts) : std::nullopt;
}

std::optional<double> burst_seconds(const CgroupRow& row) {
  const Bandwidth* const shown = shown_bandwidth(row);
  return shown != nullptr ? as_seconds(shown->burst_time) : std::nullopt;
}

}  // namespace row_values

std::optional<double> as_double(std::optional<std::uint64_t> value) {
  if (!value) return std::nullopt;
  return static_cast<double>(*value);
}

std::optional<double> as_seconds(std::optional<Nanoseconds> value) {
  if (!value) return std::nullopt;
  return to_seconds(*value);
}

std::optional<double> as_cores(std::optional<Nanoseconds> used, Nanoseconds length) {
  if (!used || length.count() <= 0) return std::nullopt;
  return to_seconds(*used) / to_seconds(length);
}

std::uint64_t series_count(const CgroupRow& row) {
  std::uint64_t count = 0;
  for (const RowFamily& family : kRowFamilies) count += std::visit(CountSeries{row}, family.value);
  return count;
}

}  // namespace throttlelens
