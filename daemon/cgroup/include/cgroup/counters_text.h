// SPDX-License-Identifier: Apache-2.0
// The texts of cgroup files. Pure; those of counters and limits, which are read ten times a second
// for every cgroup, without allocation.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "model/cgroup.h"

namespace throttlelens {

/// A decimal number, alone in a file but for white space around it; absent when it is none or does
/// not fit.
std::optional<std::int64_t> parse_number(std::string_view text);

/// cpu.stat of either version; lines it does not know are skipped.
struct CpuStatText {
  std::optional<Nanoseconds> usage;  ///< v2 only
  /// Absent when the text has no nr_periods: on v2 the cpu controller is not enabled there. The
  /// limit is in other files and stays absent.
  std::optional<Bandwidth> bandwidth;
};
/// Absent when a known field has a value that is no number or does not fit.
std::optional<CpuStatText> parse_cpu_stat(std::string_view text);

/// What a limit file says: outer absent: not understood; inner absent: no limit.
using ParsedLimit = std::optional<std::optional<CpuLimit>>;
/// cpu.max; `burst` is the text of cpu.max.burst, empty when there is none.
ParsedLimit parse_cpu_max(std::string_view max, std::string_view burst);
/// cpu.cfs_quota_us, cpu.cfs_period_us, cpu.cfs_burst_us; the last may be empty.
ParsedLimit parse_cfs(std::string_view quota, std::string_view period, std::string_view burst);

/// cgroup.procs, one pid a line. 0 is a process of another pid namespace (v2); it and lines that
/// are no pid are skipped.
std::vector<std::uint32_t> parse_processes(std::string_view text);

/// /proc/<pid>/cgroup: the path in the hierarchy of the cpu controller. Absent when it has none, or
/// the path leads out of our cgroup namespace.
std::optional<std::string_view> cpu_cgroup_path(std::string_view text, bool v2);

}  // namespace throttlelens
