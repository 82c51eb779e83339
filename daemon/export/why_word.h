// SPDX-License-Identifier: Apache-2.0
// What the reasons are called, wherever people or scripts read them.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "model/snapshot.h"

namespace throttlelens {

constexpr std::string_view why_word(Why why) {
  // In the order of Why.
  constexpr std::array<std::string_view, 6> words{"fine",           "quota",      "pod quota",
                                                  "ancestor quota", "neighbours", "own threads"};
  return words[static_cast<std::size_t>(why)];
}

}  // namespace throttlelens
