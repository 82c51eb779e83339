// SPDX-License-Identifier: Apache-2.0
// A snapshot as JSON, for scripts: why each container waits, with the numbers beside it.
#pragma once

#include <string>

#include "export/snapshot_query.h"
#include "model/snapshot.h"

namespace throttlelens {

inline constexpr const char* kJsonContentType = "application/json";
/// Of what render_snapshot_json() makes. Grows when a reader of the old form would be misled; more
/// keys are no such change.
inline constexpr int kSnapshotSchemaVersion = 1;

/// As daemon/export/snapshot.schema.json describes it: base units (seconds, cores, ratios), no key
/// for what is not known. Names are those of the labels of metrics; always valid UTF-8.
std::string render_snapshot_json(const Snapshot& snapshot, const SnapshotQuery& query);

}  // namespace throttlelens
