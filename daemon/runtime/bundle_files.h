// SPDX-License-Identifier: Apache-2.0
// The only door to the state directories: name by name from a directory descriptor, never through
// a link. Names come from cgroups and listings, so others chose them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "wiped_text.h"

namespace throttlelens::runtime {

/// A path from the configuration or the command line of a runtime; links in it are the
/// administrator's.
Result<UniqueFd> open_state(const std::string& path);
/// `on` of the errors of these is what stands below the directory.
Result<UniqueFd> open_below(int dir, std::string_view name);
Result<WipedText> read_below(int dir, const std::vector<std::string_view>& names);
struct Listing {
  std::vector<std::string> names;  ///< in order
  bool cut = false;                ///< there was more
};
/// The directories in it whose names are safe: at most 64, of its first 1,024 entries.
Result<Listing> list_below(int dir);

/// The error says that nothing is there, not that it cannot be had.
bool is_absent(const Error& error);

}  // namespace throttlelens::runtime
