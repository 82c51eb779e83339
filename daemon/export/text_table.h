// SPDX-License-Identifier: Apache-2.0
// Tables of text: columns that leave when the terminal is narrow, a legend of those that stay, and
// lines that are never too wide. Knows nothing of what is in them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace throttlelens {

inline constexpr std::string_view kPlain;
inline constexpr std::string_view kBold = "\x1b[1m";
inline constexpr std::string_view kDim = "\x1b[2m";
inline constexpr std::string_view kRed = "\x1b[31m";
inline constexpr std::string_view kYellow = "\x1b[33m";
inline constexpr std::string_view kReset = "\x1b[0m";

inline constexpr std::size_t kUnlimited = static_cast<std::size_t>(-1);

struct Cell {
  explicit Cell(std::string t, std::string_view c = kPlain) : text(std::move(t)), color(c) {}

  std::string text;
  std::string_view color;
};

struct Column {
  std::string heading;
  int rank = 0;      ///< when the terminal is narrow, the highest goes first
  std::string note;  ///< for the legend; empty if another's says it
  std::vector<Cell> cells{};
  std::size_t width = 0;  ///< of the widest cell

  void add(Cell cell);
};

Column make_column(std::string heading, int rank, std::string note);

/// What the column of names needs.
struct NameRoom {
  std::size_t heading = 0;  ///< width of its heading
  std::size_t longest = 0;  ///< of the names
  int last_needed = 0;  ///< columns up to this rank make way for the heading only, not for names
};

/// Leaves out columns until names have room: the lesser ones until most names are readable, the
/// others until the heading fits. Returns the width of names.
std::size_t fit(std::vector<Column>& columns, std::size_t width, const NameRoom& names);

/// "1000m = 1 CPU" and what the columns mean, in at most `lines` lines that fit.
std::vector<std::string> legend(const std::vector<Column>& columns, std::size_t width,
                                std::size_t lines);

/// Lines of at most `width` bytes; what goes in is printable ASCII.
class Page {
 public:
  Page(std::size_t width, bool color) : width_(width), color_(color) {}

  void line(std::string text, std::string_view color = kPlain);
  /// The name and the headings of the columns.
  void heading(std::string name, std::size_t name_width, const std::vector<Column>& columns);
  /// The name and the cells of the columns' row, right-aligned; known to fit.
  void row(std::string name, std::size_t name_width, std::string_view color,
           const std::vector<Column>& columns, std::size_t row);
  std::string take() { return std::move(out_); }

 private:
  void put(std::string_view text, std::string_view color);
  void put_cell(const Cell& cell, std::size_t width, std::string_view color);

  const std::size_t width_;
  const bool color_;
  std::string out_;
};

}  // namespace throttlelens
