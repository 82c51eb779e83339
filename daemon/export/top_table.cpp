// SPDX-License-Identifier: Apache-2.0
#include "export/top_table.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "human.h"
#include "top_names.h"
#include "top_rows.h"

namespace throttlelens {

namespace {

constexpr std::string_view kHeading = "CONTAINER OR CGROUP";
constexpr std::size_t kMinNameWidth = kHeading.size();
constexpr std::size_t kMinCellWidth = 6;

constexpr std::string_view kPlain;
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kReset = "\x1b[0m";

struct Cell {
  explicit Cell(std::string t, std::string_view c = kPlain) : text(std::move(t)), color(c) {}

  std::string text;
  std::string_view color;
};

struct Column {
  Column(std::string h, int r) : heading(std::move(h)), rank(r) {}

  std::string heading;
  int rank;  ///< when the terminal is narrow, the highest goes first
  std::vector<Cell> cells;
  std::size_t width = kMinCellWidth;
};

class Page {
 public:
  explicit Page(const TopOptions& options) : options_(options) {}

  void line(std::string text, std::string_view color = kPlain) {
    if (text.size() > options_.width) text.resize(options_.width);
    put(text, color);
    out_ += '\n';
  }

  void put(std::string_view text, std::string_view color) {
    const bool colored = options_.color && !color.empty();
    if (colored) out_ += color;
    out_ += text;
    if (colored) out_ += kReset;
  }

  /// Like line(), of a name and right-aligned cells that are known to fit.
  void row(std::string name, std::size_t name_width, std::string_view color,
           const std::vector<std::pair<Cell, std::size_t>>& cells) {
    name.resize(name_width, ' ');
    put(name, color);
    for (const auto& [cell, width] : cells) {
      out_.append(width + 1 - cell.text.size(), ' ');
      put(cell.text, cell.color.empty() ? color : cell.color);
    }
    out_ += '\n';
  }

  std::string take() { return std::move(out_); }

 private:
  const TopOptions& options_;
  std::string out_;
};

std::string header(const Snapshot& now) {
  std::string text = "throttlelens  tier " + printable(now.probe.tier);
  text += "  " + std::to_string(now.cpus_online) + (now.cpus_online == 1 ? " CPU" : " CPUs");
  const std::size_t index = now_window(now);
  if (!now.ready) return text + "  waiting for the first window";
  if (index >= now.node.size()) return text;
  const NodeWindow& node = now.node[index];
  if (const auto busy = cores(node.busy, node.length)) {
    text += "  busy " + millicores(*busy);
    if (now.cpus_online > 0) text += " (" + percent(*busy / now.cpus_online) + ")";
  }
  if (node.idle_ratio) text += "  idle " + percent(*node.idle_ratio);
  return text;
}

/// What the numbers below are missing; empty if nothing.
std::string losses(const Snapshot& now) {
  std::string text;
  const auto add = [&text](const char* verb, std::uint64_t count, const char* one,
                           const char* many) {
    if (count == 0) return;
    text += text.empty() ? "" : ", ";
    text += std::string(verb) + " " + std::to_string(count) + " " + (count == 1 ? one : many);
  };
  const std::uint64_t lost = now.losses.lost_switches.value_or(0);
  add("lost", lost - std::min(lost, now.losses.recovered_switches.value_or(0)), "switch",
      "switches");
  add("missed", now.losses.missed_windows, "window", "windows");
  add("dropped", now.losses.dropped_cgroups, "cgroup", "cgroups");
  if (!now.probe.reason.empty()) {
    text += (text.empty() ? "not bpf: " : "; not bpf: ") + printable(now.probe.reason);
  }
  return text;
}

Cell cores_cell(std::optional<double> value) {
  return Cell(value ? millicores(*value) : "-");
}

Cell ratio_cell(std::optional<double> ratio) {
  if (!ratio) return Cell("-");
  return Cell(percent(*ratio), *ratio >= 0.25 ? kRed : *ratio > 0 ? kYellow : kPlain);
}

std::vector<Column> make_columns(const std::vector<TopRow>& rows, const Snapshot& now, bool rates) {
  std::vector<Column> columns;
  const std::size_t steady = now_window(now);
  columns.emplace_back("PEAK", 4);
  for (const TopRow& row : rows) columns.back().cells.push_back(cores_cell(row.peak));
  for (std::size_t i = steady; i < now.reported.size(); ++i) {
    columns.emplace_back("CPU " + exact_duration(now.reported[i]),
                         i == steady ? 0 : 5 + static_cast<int>(i));
    for (const TopRow& row : rows) {
      columns.back().cells.push_back(
          cores_cell(i < row.use.size() ? row.use[i] : std::optional<double>()));
    }
  }
  columns.emplace_back("LIMIT", 2);
  for (const TopRow& row : rows) columns.back().cells.push_back(cores_cell(row.limit));
  columns.emplace_back("THR%", 1);
  for (const TopRow& row : rows) columns.back().cells.push_back(ratio_cell(row.throttled_ratio));
  columns.emplace_back(rates ? "THR/s" : "THR", 3);
  for (const TopRow& row : rows) {
    columns.back().cells.emplace_back(row.throttled_time ? short_duration(*row.throttled_time)
                                                         : "-");
  }
  for (Column& column : columns) {
    column.width = std::max(column.width, column.heading.size());
    for (const Cell& cell : column.cells) column.width = std::max(column.width, cell.text.size());
  }
  return columns;
}

/// Leaves out columns until a name has room; returns the width of names.
std::size_t fit(std::vector<Column>& columns, std::size_t width) {
  while (true) {
    std::size_t used = 0;
    for (const Column& column : columns) used += column.width + 1;
    if (columns.empty() || used + kMinNameWidth <= width) return width - used;
    columns.erase(std::ranges::max_element(
        columns, [](const Column& a, const Column& b) { return a.rank < b.rank; }));
  }
}

std::string legend(const Snapshot& now, bool rates) {
  std::string text = "1000m = 1 CPU";
  if (!now.reported.empty())
    text += "  PEAK: busiest " + exact_duration(now.reported[0]) + " of 60s";
  return text + (rates ? "  THR: throttled periods; time/s" : "  THR: throttled since made");
}

}  // namespace

std::string render_top(const Snapshot* before, const Snapshot& now, const TopOptions& options) {
  Page page(options);
  page.line(header(now), kBold);
  if (const std::string text = losses(now); !text.empty()) page.line(text, kYellow);

  std::vector<TopRow> rows = top_rows(before, now, options.order);
  const std::size_t all = rows.size();
  if (options.rows != 0 && rows.size() > options.rows) rows.resize(options.rows);
  const bool rates = before != nullptr;
  std::vector<Column> columns = make_columns(rows, now, rates);
  std::size_t longest = kMinNameWidth;
  for (const TopRow& row : rows) longest = std::max(longest, row.name.width());
  const std::size_t name_width = std::min(fit(columns, options.width), longest);

  page.line("");
  std::vector<std::pair<Cell, std::size_t>> cells;
  cells.reserve(columns.size());
  for (const Column& column : columns) cells.emplace_back(Cell{column.heading}, column.width);
  page.row(std::string(kHeading.substr(0, name_width)), name_width, kBold, cells);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    cells.clear();
    for (const Column& column : columns) cells.emplace_back(column.cells[i], column.width);
    page.row(rows[i].name.fitted(name_width), name_width, rows[i].row->alive ? kPlain : kDim,
             cells);
  }
  if (all > rows.size()) page.line("and " + std::to_string(all - rows.size()) + " more", kDim);
  page.line(legend(now, rates), kDim);
  return page.take();
}

}  // namespace throttlelens
