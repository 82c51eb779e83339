// SPDX-License-Identifier: Apache-2.0
// What somebody wants of a snapshot: the parameters of /api/v1/snapshot.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace throttlelens {

struct SnapshotQuery {
  // Exactly these names, as they are shown; a row without one has the empty name.
  std::optional<std::string> pod_namespace;
  std::optional<std::string> pod;
  /// At most so many rows of each list, those held back first, then the busiest; at least 1.
  /// Absent: all, by name.
  std::optional<std::size_t> top;
  friend bool operator==(const SnapshotQuery&, const SnapshotQuery&) = default;
};

/// Of what is behind the question mark: namespace, pod, top, and format, which is json. The error
/// says what is wrong and what is known, in one line of printable ASCII.
std::expected<SnapshotQuery, std::string> parse_snapshot_query(std::string_view text);

}  // namespace throttlelens
