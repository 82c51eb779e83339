// SPDX-License-Identifier: Apache-2.0
// How commands speak to people: results on stdout, troubles on stderr.
#pragma once

#include <string_view>

#include "config/config.h"

namespace throttlelens {

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;

/// Writes a command's result; says so and returns kFailed when stdout takes it not (disk full).
int print_result(std::string_view text);
/// "throttlelens: TEXT" on stderr, hostile bytes escaped. Returns kFailed.
int complain(std::string_view text);
int complain(const ConfigProblems& problems);

}  // namespace throttlelens
