// SPDX-License-Identifier: Apache-2.0
// Which rows matter most right now: the order of the table and of lists that are cut.
#pragma once

#include <cstddef>
#include <optional>

#include "model/snapshot.h"

namespace throttlelens {

/// The window that stands for "now": long enough to be steady. An index of Snapshot::reported.
std::size_t now_window(const Snapshot& snapshot);

/// Negative if `a` comes first, 0 if neither does. Absent is less than anything.
template <typename T>
int compare_descending(const std::optional<T>& a, const std::optional<T>& b) {
  if (a == b) return 0;
  return a > b ? -1 : 1;
}

/// Negative if `a` comes first: what something holds back before what is fine or not known, and
/// among each the busiest in the `window` (index of CgroupRow::windows).
int compare_held_back(const CgroupRow& a, const CgroupRow& b, std::size_t window);

}  // namespace throttlelens
