// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace throttlelens::config {

/// Where the quotation mark stands that is never closed. Only for text in which the parser found
/// one missing, which it says at the end of the text instead; npos when it cannot be told.
std::size_t open_quote(std::string_view text);

}  // namespace throttlelens::config
