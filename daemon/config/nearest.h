// SPDX-License-Identifier: Apache-2.0
// Guesses what a mistyped word was meant to be.
#pragma once

#include <string_view>
#include <vector>

namespace throttlelens::config {

/// The candidate fewest typing mistakes away (insertion, deletion, substitution, neighbours
/// swapped; case does not count), the first of equals; empty when none is near.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace throttlelens::config
