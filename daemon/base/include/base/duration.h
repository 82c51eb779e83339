// SPDX-License-Identifier: Apache-2.0
// Durations as people write them: a decimal number with a unit.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/units.h"

namespace throttlelens {

/// "100ms", "0.5s", "5m", "1h"; never negative. What is wrong comes back as the end of a sentence
/// that starts with the text: "has no unit; valid units are ...".
std::expected<Nanoseconds, std::string> parse_duration(std::string_view text);

/// As a person writes it, in the largest unit that needs no fraction: "90s". parse_duration() makes
/// the same of it.
std::string duration_text(Nanoseconds duration);

}  // namespace throttlelens
