// SPDX-License-Identifier: Apache-2.0
// What a process is, by the name of its program. One table for the kernel side and for /proc.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "model/process.h"

namespace throttlelens {

struct ProcessName {
  std::string_view comm;  ///< at most 15 bytes, as the kernel cuts it
  bool prefix = false;    ///< what begins like this is meant, too
  ProcessKind kind = ProcessKind::helper;
};

std::span<const ProcessName> process_names();

/// Absent: none of those.
std::optional<ProcessKind> kind_of_program(std::string_view comm);

}  // namespace throttlelens
