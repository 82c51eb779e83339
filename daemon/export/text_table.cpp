// SPDX-License-Identifier: Apache-2.0
#include "text_table.h"

#include <algorithm>

namespace throttlelens {

namespace {

constexpr std::size_t kMinCellWidth = 6;
/// A name of which this much is shown tells most pods and containers apart.
constexpr std::size_t kReadableName = 26;

}  // namespace

void Column::add(Cell cell) {
  width = std::max(width, cell.text.size());
  cells.push_back(std::move(cell));
}

Column make_column(std::string heading, int rank, std::string note) {
  const std::size_t width = std::max(kMinCellWidth, heading.size());
  return {.heading = std::move(heading), .rank = rank, .note = std::move(note), .width = width};
}

std::size_t fit(std::vector<Column>& columns, std::size_t width, const NameRoom& names) {
  const std::size_t readable = std::max(names.heading, std::min(names.longest, kReadableName));
  while (true) {
    std::size_t used = 0;
    for (const Column& column : columns) used += column.width + 1;
    if (columns.empty()) return width;
    const auto least = std::ranges::max_element(columns, {}, &Column::rank);
    const std::size_t room = least->rank > names.last_needed ? readable : names.heading;
    if (used + room <= width) return width - used;
    columns.erase(least);
  }
}

std::vector<std::string> legend(const std::vector<Column>& columns, std::size_t width,
                                std::size_t lines) {
  std::vector<std::string> text{"1000m = 1 CPU"};
  for (const Column& column : columns) {
    if (column.note.empty()) continue;
    if (text.back().size() + 2 + column.note.size() <= width) {
      text.back() += "  " + column.note;
    } else if (text.size() < lines) {
      text.push_back(column.note);
    }
  }
  return text;
}

void Page::line(std::string text, std::string_view color) {
  if (text.size() > width_) text.resize(width_);
  put(text, color);
  out_ += '\n';
}

void Page::heading(std::string name, std::size_t name_width, const std::vector<Column>& columns) {
  name.resize(name_width, ' ');
  put(name, kBold);
  for (const Column& column : columns) put_cell(Cell(column.heading), column.width, kBold);
  out_ += '\n';
}

void Page::row(std::string name, std::size_t name_width, std::string_view color,
               const std::vector<Column>& columns, std::size_t row) {
  name.resize(name_width, ' ');
  put(name, color);
  for (const Column& column : columns) put_cell(column.cells[row], column.width, color);
  out_ += '\n';
}

void Page::put(std::string_view text, std::string_view color) {
  const bool colored = color_ && !color.empty();
  if (colored) out_ += color;
  out_ += text;
  if (colored) out_ += kReset;
}

void Page::put_cell(const Cell& cell, std::size_t width, std::string_view color) {
  out_.append(width + 1 - cell.text.size(), ' ');
  put(cell.text, cell.color.empty() ? color : cell.color);
}

}  // namespace throttlelens
