// SPDX-License-Identifier: Apache-2.0
// A snapshot of the last few seconds in the form somebody asked for: table, wide table, JSON, CSV.
#pragma once

#include <cstddef>
#include <string>

#include "export/snapshot_query.h"
#include "model/mark.h"
#include "model/snapshot.h"

namespace throttlelens {

inline constexpr const char* kJsonContentType = "application/json";
inline constexpr const char* kCsvContentType = "text/csv; charset=utf-8; header=present";
/// Of JSON and CSV. Grows when a reader of the old form would be misled; more keys and columns are
/// no such change.
inline constexpr int kSnapshotSchemaVersion = 1;

struct SnapshotAnswer {
  std::string content_type;
  std::string body;
};

/// Rates and differences are those between `start` and the snapshot; `start` may be null, then they
/// are absent, and so are they of rows of which the mark knows nothing, unless they began later
/// (CgroupRow::first_window). `width`: columns of the tables that are not wide, unless the query
/// says; never exceeded.
SnapshotAnswer answer_snapshot(const Snapshot& snapshot, const Mark* start,
                               const SnapshotQuery& query, std::size_t width = 120);

}  // namespace throttlelens
