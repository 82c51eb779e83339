// SPDX-License-Identifier: Apache-2.0
// One number of a row each, in the units of metrics; what is not known, or says nothing, is absent.
#pragma once

#include <cstdint>
#include <optional>

#include "base/units.h"
#include "model/snapshot.h"

namespace throttlelens {

/// Absent stays absent.
std::optional<double> as_double(std::optional<std::uint64_t> value);
std::optional<double> as_seconds(std::optional<Nanoseconds> value);
/// In cores; absent when the value or the length is not known.
std::optional<double> as_cores(std::optional<Nanoseconds> used, Nanoseconds length);

namespace row_values {

/// Bandwidth control, if there is a limit or there was one: without, the kernel's counters say
/// nothing. Else null.
const Bandwidth* shown_bandwidth(const CgroupRow& row);

std::optional<double> usage_seconds(const CgroupRow& row);
// Absent without shown_bandwidth().
std::optional<double> limit_cores(const CgroupRow& row);
std::optional<double> periods(const CgroupRow& row);
std::optional<double> throttled_periods(const CgroupRow& row);
std::optional<double> throttled_seconds(const CgroupRow& row);
// Absent also until the limit has a burst, or quota was saved up and used.
std::optional<double> burst_periods(const CgroupRow& row);
std::optional<double> burst_seconds(const CgroupRow& row);

}  // namespace row_values

}  // namespace throttlelens
