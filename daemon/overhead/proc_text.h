// SPDX-License-Identifier: Apache-2.0
// The texts of /proc/<pid>/stat and smaps_rollup. Pure, without allocation.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace throttlelens::overhead {

/// Field 22 of stat: when it was started, in clock ticks since boot. The name in field 2 may be any
/// bytes, parentheses, spaces and newlines too.
std::optional<std::uint64_t> parse_start_ticks(std::string_view stat);

/// Private_Clean + Private_Dirty, in bytes. Absent when either is missing, as in the empty text of
/// a process that is about to be gone.
std::optional<std::uint64_t> parse_private_memory(std::string_view smaps_rollup);

}  // namespace throttlelens::overhead
