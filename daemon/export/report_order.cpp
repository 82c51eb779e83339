// SPDX-License-Identifier: Apache-2.0
#include "report_order.h"

#include "row_order.h"
#include "sums.h"

namespace throttlelens {

namespace {

bool held_back(const ReportRow& row) {
  return row.pod_why.value_or(row.why.value_or(Why::fine)) != Why::fine;
}

std::optional<double> waited(const ReportRow& row) {
  std::optional<double> sum = row.span.throttle_wait;
  add_known(sum, row.span.contention_wait);
  return sum;
}

int compare_use(const ReportRow& a, const ReportRow& b, std::size_t window) {
  const auto now = [window](const ReportRow& row) {
    return window < row.windows.size() ? row.windows[window] : std::nullopt;
  };
  const int by_span = compare_descending(a.span.cores, b.span.cores);
  return by_span != 0 ? by_span : compare_descending(now(a), now(b));
}

int compare_throttled(const ReportRow& a, const ReportRow& b) {
  const auto ratio = [](const ReportRow& row) {
    return row.pod_throttled_ratio ? row.pod_throttled_ratio : row.span.throttled_ratio;
  };
  const int by_ratio = compare_descending(ratio(a), ratio(b));
  return by_ratio != 0 ? by_ratio : compare_descending(a.span.throttled, b.span.throttled);
}

}  // namespace

int compare_rows(const ReportRow& a, const ReportRow& b, SnapshotSort sort, std::size_t window) {
  switch (sort) {
    case SnapshotSort::why:
      if (held_back(a) != held_back(b)) return held_back(a) ? -1 : 1;
      return compare_use(a, b, window);
    case SnapshotSort::cpu:
      return compare_use(a, b, window);
    case SnapshotSort::peak:
      return compare_descending(a.span.peak_cores, b.span.peak_cores);
    case SnapshotSort::wait:
      return compare_descending(waited(a), waited(b));
    case SnapshotSort::throttled:
      return compare_throttled(a, b);
    case SnapshotSort::overhead:
      return compare_descending(a.overhead.cores, b.overhead.cores);
    case SnapshotSort::memory:
      return compare_descending(a.overhead.private_memory, b.overhead.private_memory);
    case SnapshotSort::name:
      return 0;
  }
  return 0;
}

}  // namespace throttlelens
