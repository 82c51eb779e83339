// SPDX-License-Identifier: Apache-2.0
#include "export/top_table.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "human.h"
#include "top_columns.h"
#include "top_names.h"
#include "top_rows.h"

namespace throttlelens {

namespace {

constexpr std::size_t kLegendLines = 2;

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

/// What the columns that are shown mean, in as many lines as there is room for.
std::vector<std::string> legend(const std::vector<Column>& columns, std::size_t width) {
  std::vector<std::string> text{"1000m = 1 CPU"};
  for (const Column& column : columns) {
    if (column.note.empty()) continue;
    if (text.back().size() + 2 + column.note.size() <= width) {
      text.back() += "  " + column.note;
    } else if (text.size() < kLegendLines) {
      text.push_back(column.note);
    }
  }
  return text;
}

}  // namespace

std::string render_top(const Snapshot* before, const Snapshot& now, const TopOptions& options) {
  Page page(options);
  page.line(header(now), kBold);
  if (const std::string text = losses(now); !text.empty()) page.line(text, kYellow);

  std::vector<TopRow> rows = top_rows(before, now, options.order);
  const std::size_t all = rows.size();
  if (options.rows != 0 && rows.size() > options.rows) rows.resize(options.rows);
  std::vector<Column> columns = make_columns(rows, now, before != nullptr);
  std::size_t longest = kNameHeading.size();
  for (const TopRow& row : rows) longest = std::max(longest, row.name.width());
  const std::size_t name_width = std::min(fit(columns, options.width, longest), longest);

  page.line("");
  std::vector<std::pair<Cell, std::size_t>> cells;
  cells.reserve(columns.size());
  for (const Column& column : columns) cells.emplace_back(Cell{column.heading}, column.width);
  page.row(std::string(kNameHeading.substr(0, name_width)), name_width, kBold, cells);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    cells.clear();
    for (const Column& column : columns) cells.emplace_back(column.cells[i], column.width);
    page.row(rows[i].name.fitted(name_width), name_width, rows[i].row->alive ? kPlain : kDim,
             cells);
  }
  if (all > rows.size()) page.line("and " + std::to_string(all - rows.size()) + " more", kDim);
  for (std::string& text : legend(columns, options.width)) page.line(std::move(text), kDim);
  return page.take();
}

}  // namespace throttlelens
