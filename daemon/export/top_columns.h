// SPDX-License-Identifier: Apache-2.0
// The columns of the table: their cells as text, and which of them a terminal has room for.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/snapshot.h"
#include "top_rows.h"

namespace throttlelens {

inline constexpr std::string_view kPlain;
inline constexpr std::string_view kBold = "\x1b[1m";
inline constexpr std::string_view kDim = "\x1b[2m";
inline constexpr std::string_view kRed = "\x1b[31m";
inline constexpr std::string_view kYellow = "\x1b[33m";
inline constexpr std::string_view kReset = "\x1b[0m";

inline constexpr std::string_view kNameHeading = "CONTAINER OR CGROUP";

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
  std::size_t width = 0;
};

/// In the order in which they are shown. Those of waits only if a row knows its waits. `rates`:
/// throttling is between two snapshots.
std::vector<Column> make_columns(const std::vector<TopRow>& rows, const Snapshot& now, bool rates);
/// Leaves out columns until names have room: the lesser ones until most names are readable, the
/// others until the heading fits. Returns the width of names. `longest`: of them.
std::size_t fit(std::vector<Column>& columns, std::size_t width, std::size_t longest);

}  // namespace throttlelens
