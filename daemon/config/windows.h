// SPDX-License-Identifier: Apache-2.0
// The section "windows", whose keys must fit each other.
#pragma once

#include <optional>

#include "config/config.h"
#include "values.h"

namespace throttlelens::config {

/// The keys that the file has.
struct WindowEntries {
  std::optional<Entry> base;
  std::optional<Entry> reported;
  std::optional<Entry> history;
};

void read_windows(const WindowEntries& entries, Config::Windows& out, Problems& problems);

}  // namespace throttlelens::config
