// SPDX-License-Identifier: Apache-2.0
#include "row_order.h"

#include "row_values.h"

namespace throttlelens {

namespace {

bool held_back(const CgroupRow& row) {
  return row.why.value_or(Why::fine) != Why::fine;
}

std::optional<double> use(const CgroupRow& row, std::size_t window) {
  if (window >= row.windows.size()) return std::nullopt;
  return as_cores(row.windows[window].last, row.windows[window].length);
}

}  // namespace

std::size_t now_window(const Snapshot& snapshot) {
  return snapshot.reported.size() > 1 ? 1 : 0;
}

int compare_held_back(const CgroupRow& a, const CgroupRow& b, std::size_t window) {
  if (held_back(a) != held_back(b)) return held_back(a) ? -1 : 1;
  return compare_descending(use(a, window), use(b, window));
}

}  // namespace throttlelens
