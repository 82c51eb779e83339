// SPDX-License-Identifier: Apache-2.0
// Which rows a snapshot shows, and whose they are: one answer for snapshots and marks.
#pragma once

#include "groups.h"
#include "names.h"
#include "rows.h"

namespace throttlelens::accounts {

/// Whether it is shown as a cgroup: no container, and not hidden.
bool is_cgroup_row(const Row& row, const Names& names);
/// The last that got the name, the living before the dead; null when none has a row.
const Row* newest_row(const Groups::Group& group, const Rows& rows);
/// The same, null when it is hidden.
const Row* shown_row(const Groups::Group& group, const Rows& rows);

}  // namespace throttlelens::accounts
