// SPDX-License-Identifier: Apache-2.0
// Which rows of a report come first.
#pragma once

#include <cstddef>

#include "export/snapshot_query.h"
#include "report.h"

namespace throttlelens {

/// Negative if `a` comes first, 0 if neither does: then the one that came first before. Without a
/// span, use is that of the `window` (index of ReportRow::windows), and other values of the span
/// order nothing.
int compare_rows(const ReportRow& a, const ReportRow& b, SnapshotSort sort, std::size_t window);

}  // namespace throttlelens
