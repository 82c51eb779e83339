// SPDX-License-Identifier: Apache-2.0
// What the pause containers of pods used: the time of the sandboxes' cgroups.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/units.h"
#include "names.h"
#include "rows.h"

namespace throttlelens::accounts {

struct SandboxUse {
  const RowName* name;  ///< of the pod; part of Names
  std::uint64_t group;  ///< Groups::Group::id
  bool alive;
  std::optional<Nanoseconds> usage;  ///< of all that had the name; absent as a row's usage
};

struct SandboxReading {
  std::vector<SandboxUse> pods;     ///< by name; that have a row
  std::optional<Nanoseconds> node;  ///< of all, also of pods that are gone; absent: none ever was
};

using UsageOf = std::function<std::optional<Nanoseconds>(const Row&)>;
SandboxReading read_sandboxes(const Names& names, const Rows& rows, const UsageOf& usage_of);

}  // namespace throttlelens::accounts
