// SPDX-License-Identifier: Apache-2.0
#include "sandboxes.h"

#include "shown_rows.h"
#include "totals.h"

namespace throttlelens::accounts {

SandboxReading read_sandboxes(const Names& names, const Rows& rows, const UsageOf& usage_of) {
  SandboxReading reading{.pods = {}, .node = names.ended_sandboxes()};
  reading.pods.reserve(names.sandboxes().all().size());
  for (const auto& [name, group] : names.sandboxes().all()) {
    const Row* newest = newest_row(group, rows);
    std::optional<Nanoseconds> all = group.ended.usage;
    bool newest_known = false;
    for (const CgroupKey key : group.members) {
      const Row* row = rows.find(key);
      if (row == nullptr) continue;
      const auto usage = usage_of(*row);
      newest_known = newest_known || (row == newest && usage);
      add_known(all, usage);
    }
    add_known(reading.node, all);
    if (newest == nullptr) continue;
    reading.pods.push_back({.name = &name,
                            .group = group.id,
                            .alive = !newest->gone_at,
                            .usage = newest_known ? all : std::nullopt});
  }
  return reading;
}

}  // namespace throttlelens::accounts
