// SPDX-License-Identifier: Apache-2.0
// Waits of a row as metrics show them. A calm row must stay cheap: what has nothing to tell yet is
// absent, and what is there once stays as long as the row's counters do.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "model/snapshot.h"
#include "model/waits.h"

namespace throttlelens {

/// One of several series of a row in one family, and the value of the label that tells them apart.
template <typename T>
struct Part {
  std::string_view label;
  T value{};
};
using NumberParts = std::vector<Part<double>>;
using DurationParts = std::vector<Part<DurationHistogram>>;

namespace row_waits {

/// A level as rows of this standing call it: "self", "container", "pod" or "ancestor".
std::string_view level_name(Standing standing, ThrottleLevel level);

// Absent until there is a limit or threads waited for quota.
std::optional<double> throttled_while_idle_seconds(const CgroupRow& row);
/// By cause; that of throttling is absent as above.
NumberParts wait_seconds(const CgroupRow& row);

/// Absent where the kernel does not tell.
std::optional<double> lost_seconds(const CgroupRow& row);
/// By cause; absent until a wait of that cause was longer than 10 ms.
DurationParts wait_durations(const CgroupRow& row);
/// By level, as `standing` names it; absent until that level had one.
DurationParts throttle_episodes(const CgroupRow& row);

}  // namespace row_waits

}  // namespace throttlelens
