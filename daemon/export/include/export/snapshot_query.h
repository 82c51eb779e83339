// SPDX-License-Identifier: Apache-2.0
// What somebody wants of a snapshot: the parameters of /api/v1/snapshot and of `throttlelens
// snapshot`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.h"

namespace throttlelens {

enum class SnapshotFormat : std::uint8_t { table, wide, json, csv };

/// Order of the rows; all but name: highest first, ties by name. why: what is held back before what
/// is fine, each by use.
enum class SnapshotSort : std::uint8_t { why, cpu, peak, wait, throttled, overhead, memory, name };

inline constexpr Nanoseconds kShortestSnapshot = std::chrono::seconds(1);
inline constexpr Nanoseconds kLongestSnapshot = std::chrono::hours(1);
inline constexpr Nanoseconds kDefaultSnapshot = std::chrono::seconds(5);

struct SnapshotQuery {
  // Exactly these names, as they are shown; a row without one has the empty name.
  std::optional<std::string> pod_namespace;
  std::optional<std::string> pod;
  /// At most so many pods, and so many rows of each list; at least 1. Absent: all.
  std::optional<std::size_t> top;
  /// Absent: by name; with `top`, by why.
  std::optional<SnapshotSort> sort{};
  /// Of the past that rates and peaks are of; kShortestSnapshot to kLongestSnapshot.
  Nanoseconds duration = kDefaultSnapshot;
  SnapshotFormat format = SnapshotFormat::json;
  /// Columns of a table that is not wide. Absent: as many as the one who answers thinks right.
  std::optional<std::size_t> width{};
  friend bool operator==(const SnapshotQuery&, const SnapshotQuery&) = default;
};

/// The names of formats and orders, as in queries and on the command line: "table", "why", ...
/// Absent: there is no such one.
std::optional<SnapshotFormat> snapshot_format(std::string_view name);
std::optional<SnapshotSort> snapshot_sort(std::string_view name);

/// Of what is behind the question mark: namespace, pod, top, sort, duration and format. The error
/// says what is wrong and what is known, in one line of printable ASCII.
std::expected<SnapshotQuery, std::string> parse_snapshot_query(std::string_view text);
/// What parse_snapshot_query() makes the same query of.
std::string to_query_string(const SnapshotQuery& query);

}  // namespace throttlelens
