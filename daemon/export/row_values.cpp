// SPDX-License-Identifier: Apache-2.0
#include "row_values.h"

namespace throttlelens {

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
  return static_cast<double>(used->count()) / static_cast<double>(length.count());
}

namespace row_values {

namespace {

/// shown_bandwidth() of rows to which bursts matter. Else null.
const Bandwidth* shown_burst(const CgroupRow& row) {
  const Bandwidth* const shown = shown_bandwidth(row);
  if (shown == nullptr) return nullptr;
  const bool may_burst = shown->limit && shown->limit->burst.count() > 0;
  const bool has_burst =
      shown->nr_bursts.value_or(0) > 0 || shown->burst_time.value_or(Nanoseconds(0)).count() > 0;
  return may_burst || has_burst ? shown : nullptr;
}

}  // namespace

const Bandwidth* shown_bandwidth(const CgroupRow& row) {
  if (!row.bandwidth) return nullptr;
  const Bandwidth& bandwidth = *row.bandwidth;
  return bandwidth.limit || bandwidth.nr_periods > 0 ? &bandwidth : nullptr;
}

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
  const Bandwidth* const shown = shown_burst(row);
  return shown != nullptr ? as_double(shown->nr_bursts) : std::nullopt;
}

std::optional<double> burst_seconds(const CgroupRow& row) {
  const Bandwidth* const shown = shown_burst(row);
  return shown != nullptr ? as_seconds(shown->burst_time) : std::nullopt;
}

}  // namespace row_values

}  // namespace throttlelens
