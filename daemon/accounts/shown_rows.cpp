// SPDX-License-Identifier: Apache-2.0
#include "shown_rows.h"

#include <ranges>

namespace throttlelens::accounts {

bool is_cgroup_row(const Row& row, const Names& names) {
  if (!row.shown) return false;
  const ContainerIdentity* identity = names.find(row.key);
  return identity == nullptr || identity->role == ContainerRole::monitor;
}

const Row* newest_row(const Groups::Group& group, const Rows& rows) {
  const Row* dead = nullptr;
  for (const CgroupKey key : std::views::reverse(group.members)) {
    const Row* row = rows.find(key);
    if (row == nullptr) continue;
    if (!row->gone_at) return row;
    if (dead == nullptr) dead = row;
  }
  return dead;
}

const Row* shown_row(const Groups::Group& group, const Rows& rows) {
  const Row* row = newest_row(group, rows);
  return row != nullptr && row->shown ? row : nullptr;
}

}  // namespace throttlelens::accounts
