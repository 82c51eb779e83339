// SPDX-License-Identifier: Apache-2.0
// The columns of the live table: their cells as text.
#pragma once

#include <string_view>
#include <vector>

#include "model/snapshot.h"
#include "text_table.h"
#include "top_rows.h"

namespace throttlelens {

inline constexpr std::string_view kNameHeading = "CONTAINER OR CGROUP";

/// In the order in which they are shown. Those of waits only if a row knows its waits. `rates`:
/// throttling is between two snapshots.
/// What the rows are in the order of stays longest.
std::vector<Column> make_columns(const std::vector<TopRow>& rows, const Snapshot& now, bool rates,
                                 TopOrder order);
/// The last of the columns that only make way for the heading, not for long names.
int last_needed_column();

}  // namespace throttlelens
