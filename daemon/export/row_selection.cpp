// SPDX-License-Identifier: Apache-2.0
#include "row_selection.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "label_value.h"

namespace throttlelens {

const Bandwidth* shown_bandwidth(const CgroupRow& row) {
  if (!row.bandwidth) return nullptr;
  const Bandwidth& bandwidth = *row.bandwidth;
  return bandwidth.limit || bandwidth.nr_periods > 0 ? &bandwidth : nullptr;
}

std::uint64_t series_count(const CgroupRow& row) {
  std::uint64_t count = row.usage ? 1 : 0;
  for (const WindowValue& window : row.windows) {
    if (window.length.count() <= 0) continue;
    count += (window.last ? 1U : 0U) + (window.peak ? 1U : 0U);
  }
  if (row.limit_ratio) count += row.limit_ratio->buckets.size() + 2;  // and _sum, _count
  if (const Bandwidth* bandwidth = shown_bandwidth(row)) {
    count += 3;
    if (bandwidth->limit && bandwidth->limit->period.count() > 0) ++count;
    count += (bandwidth->nr_bursts ? 1U : 0U) + (bandwidth->burst_time ? 1U : 0U);
  }
  return count;
}

RowSelection select_rows(const Snapshot& snapshot, std::uint64_t max_series) {
  std::vector<const CgroupRow*> rows;
  std::vector<std::string_view> paths;
  for (const CgroupRow& row : snapshot.cgroups) {
    if (!row.path) continue;
    rows.push_back(&row);
    paths.push_back(*row.path);
  }
  std::vector<std::optional<std::string>> labels = distinct_values(paths);

  std::vector<std::uint64_t> counts(rows.size());
  std::ranges::transform(rows, counts.begin(),
                         [](const CgroupRow* row) { return series_count(*row); });
  std::vector<bool> keep(rows.size(), true);
  if (std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}) > max_series) {
    // By the total and not by the last window: totals change places slowly, so rows do not come
    // and go from scrape to scrape.
    std::vector<std::size_t> order;
    order.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) order.push_back(i);
    const auto rank = [&](std::size_t i) {
      const bool limited = rows[i]->bandwidth && rows[i]->bandwidth->limit;
      return std::tuple(!limited, -rows[i]->usage.value_or(Nanoseconds{0}), paths[i], i);
    };
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
    std::uint64_t used = 0;
    bool full = false;
    for (const std::size_t i : order) {
      full = full || used + counts[i] > max_series;
      keep[i] = !full;
      if (!full) used += counts[i];
    }
  }

  RowSelection selection;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (std::optional<std::string>& label = labels[i]; keep[i] && label) {
      selection.rows.push_back({.row = rows[i], .label = std::move(*label)});
    } else {
      selection.dropped_series += counts[i];
    }
  }
  return selection;
}

}  // namespace throttlelens
