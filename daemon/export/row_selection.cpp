// SPDX-License-Identifier: Apache-2.0
#include "row_selection.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <tuple>
#include <utility>

namespace throttlelens {

namespace {

constexpr std::size_t kNamedNamespaces = 3;

/// The smallest is shown first. By the total and not by the last window: totals change places
/// slowly, so rows do not come and go from scrape to scrape.
auto rank(const ExposedRow& row, std::size_t place) {
  bool limited = false;
  Nanoseconds usage{0};
  if (row.ended != nullptr) usage = row.ended->usage;
  if (row.overhead != nullptr) {
    for (const OverheadPart& part : row.overhead->parts) usage += part.cpu.value_or(Nanoseconds(0));
  }
  if (row.cpu != nullptr) {
    limited = row.cpu->bandwidth && row.cpu->bandwidth->limit;
    usage = row.cpu->usage.value_or(usage);
  }
  return std::tuple(row.kind, !limited, -usage, place);
}

std::uint64_t sum(const std::vector<ExposedRow>& rows) {
  std::uint64_t series = 0;
  for (const ExposedRow& row : rows) series += row.series;
  return series;
}

std::vector<bool> choose(const std::vector<ExposedRow>& rows, std::uint64_t max_series) {
  std::vector<std::size_t> order;
  order.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) order.push_back(i);
  std::ranges::sort(
      order, [&](std::size_t a, std::size_t b) { return rank(rows[a], a) < rank(rows[b], b); });
  std::vector<bool> chosen(rows.size(), false);
  std::uint64_t used = 0;
  for (const std::size_t i : order) {
    if (used + rows[i].series > max_series) break;
    used += rows[i].series;
    chosen[i] = true;
  }
  return chosen;
}

/// Adds up by namespace what does not belong to cgroups.
class LeftOut {
 public:
  void add(const ExposedRow& row) {
    series_ += row.series;
    if (row.kind == RowKind::cgroup || row.labels.front().value.empty()) return;
    by_namespace_[row.labels.front().value] += row.series;
  }

  SeriesLeftOut result() const {
    SeriesLeftOut out{.series = series_, .namespaces = {}};
    for (const auto& [name, series] : by_namespace_) out.namespaces.push_back({name, series});
    std::ranges::sort(out.namespaces, [](const auto& a, const auto& b) {
      return std::tie(b.series, a.name) < std::tie(a.series, b.name);
    });
    out.namespaces.resize(std::min(out.namespaces.size(), kNamedNamespaces));
    return out;
  }

 private:
  std::uint64_t series_ = 0;
  std::map<std::string, std::uint64_t> by_namespace_;
};

}  // namespace

RowSelection select_rows(std::vector<ExposedRow> rows, std::uint64_t max_series) {
  if (sum(rows) <= max_series) return {.rows = std::move(rows), .left_out = {}};
  const std::vector<bool> chosen = choose(rows, max_series);
  RowSelection selection;
  LeftOut left_out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (chosen[i]) {
      selection.rows.push_back(std::move(rows[i]));
    } else {
      left_out.add(rows[i]);
    }
  }
  selection.left_out = left_out.result();
  return selection;
}

}  // namespace throttlelens
