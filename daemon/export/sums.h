// SPDX-License-Identifier: Apache-2.0
// Two ways to add up what may not be known.
#pragma once

#include <optional>

namespace throttlelens {

/// Of those that are known; absent if none is.
template <typename T>
void add_known(std::optional<T>& sum, const std::optional<T>& value) {
  if (value) sum = sum.value_or(T{}) + *value;
}

/// Absent if one of them is, or there is none.
template <typename T, typename Range, typename Value>
std::optional<T> sum_of_all(const Range& range, const Value& value_of) {
  std::optional<T> sum;
  for (const auto& one : range) {
    const std::optional<T> value = value_of(one);
    if (!value) return std::nullopt;
    sum = sum.value_or(T{}) + *value;
  }
  return sum;
}

}  // namespace throttlelens
