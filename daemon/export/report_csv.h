// SPDX-License-Identifier: Apache-2.0
// A report as CSV, for spreadsheets and for tools that take columns.
#pragma once

#include <string>

#include "model/snapshot.h"
#include "report.h"

namespace throttlelens {

/// RFC 4180: a line of names, then one for each pod, container, and cgroup that neither holds
/// containers nor is part of one; an empty field is not known. Numbers in base units.
///
/// A line never holds a line: characters that command a terminal (C0, DEL, C1) are \xNN; names are
/// the labels of metrics otherwise. So that no spreadsheet takes a name for a formula, one that
/// begins with = + - @ or ' gets a ' before it: whoever reads names takes one leading ' away. No
/// name that Kubernetes, Docker or a cgroup path allows begins so.
std::string render_csv(const Snapshot& snapshot, const Report& report);

}  // namespace throttlelens
