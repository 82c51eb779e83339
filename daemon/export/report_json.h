// SPDX-License-Identifier: Apache-2.0
// A report as JSON, for scripts: why each container waits, what its pod costs, with the numbers.
#pragma once

#include <string>

#include "model/snapshot.h"
#include "report.h"

namespace throttlelens {

/// As daemon/export/snapshot.schema.json describes it: base units (seconds, cores, ratios, bytes),
/// no key for what is not known. Names are those of the labels of metrics. ASCII: no name can
/// command a terminal, every reader of JSON gets the same characters.
std::string render_json(const Snapshot& snapshot, const Report& report);

}  // namespace throttlelens
