// SPDX-License-Identifier: Apache-2.0
#include "proc_text.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <limits>

namespace throttlelens::overhead {
namespace {

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

// "Name:    12 kB"
std::optional<std::uint64_t> bytes_of(std::string_view line, std::string_view name) {
  constexpr std::uint64_t kKilo = 1024;
  if (!line.starts_with(name) || !line.ends_with(" kB")) return std::nullopt;
  line.remove_prefix(name.size());
  line.remove_suffix(3);
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const auto value = whole_number(line);
  if (!value || *value > std::numeric_limits<std::uint64_t>::max() / kKilo) return std::nullopt;
  return *value * kKilo;
}

}  // namespace

std::optional<std::uint64_t> parse_start_ticks(std::string_view stat) {
  // Nothing after the name has a parenthesis.
  constexpr std::size_t kFirst = 3;  // field after ") "
  constexpr std::size_t kStart = 22;
  const std::size_t name_end = stat.rfind(") ");
  if (name_end == std::string_view::npos) return std::nullopt;
  stat.remove_prefix(name_end + 2);
  for (std::size_t field = kFirst; field < kStart; ++field) {
    const std::size_t space = stat.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    stat.remove_prefix(space + 1);
  }
  return whole_number(stat.substr(0, stat.find_first_of(" \n")));
}

std::optional<std::uint64_t> parse_private_memory(std::string_view smaps_rollup) {
  std::optional<std::uint64_t> clean;
  std::optional<std::uint64_t> dirty;
  while (!smaps_rollup.empty()) {
    const std::string_view line = take_line(smaps_rollup);
    if (const auto value = bytes_of(line, "Private_Clean:")) clean = value;
    if (const auto value = bytes_of(line, "Private_Dirty:")) dirty = value;
  }
  if (!clean || !dirty || *clean > std::numeric_limits<std::uint64_t>::max() - *dirty) {
    return std::nullopt;
  }
  return *clean + *dirty;
}

}  // namespace throttlelens::overhead
