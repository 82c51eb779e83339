// SPDX-License-Identifier: Apache-2.0
// What /proc tells of a process. All of it is text that the process itself may have chosen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"
#include "model/process.h"

namespace throttlelens {

/// Fields of /proc/<pid>/stat; times in clock ticks of the machine (USER_HZ).
struct ProcessStat {
  std::uint32_t pid = 0;
  std::string comm;
  std::uint64_t cpu = 0;      ///< utime + stime: all threads, ended ones too; not its children
  std::uint64_t started = 0;  ///< since boot, CLOCK_BOOTTIME
};

/// Absent when it is not such a line. The name in it may hold anything, parentheses and line ends
/// too.
std::optional<ProcessStat> parse_process_stat(std::string_view text);

/// Absent when the process is gone, or may not be looked at.
std::optional<ProcessStat> read_process_stat(const std::string& proc, std::uint32_t pid);

/// As /proc/<pid>/cmdline, at most `most` bytes of it. Empty when it cannot be had.
std::string read_arguments(const std::string& proc, std::uint32_t pid, std::size_t most);

/// As /proc/<pid>/cgroup. Empty when it cannot be had.
std::string read_cgroup_file(const std::string& proc, std::uint32_t pid);

Nanoseconds ticks(std::uint64_t count);

/// The same process: a pid is used again, but not within a tick.
bool is_same_process(const ProcessStat& stat, const ProcessKey& key);

}  // namespace throttlelens
