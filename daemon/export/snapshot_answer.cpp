// SPDX-License-Identifier: Apache-2.0
#include "export/snapshot_answer.h"

#include "export/snapshot_json.h"
#include "export/top_table.h"

namespace throttlelens {

SnapshotAnswer answer_snapshot(const Snapshot& snapshot, const Mark* /*start*/,
                               const SnapshotQuery& query, std::size_t width) {
  if (query.format == SnapshotFormat::json) {
    return {.content_type = kJsonContentType, .body = render_snapshot_json(snapshot, query)};
  }
  return {.content_type = "text/plain; charset=utf-8",
          .body = render_top(nullptr, snapshot, {.rows = query.top.value_or(0), .width = width})};
}

}  // namespace throttlelens
