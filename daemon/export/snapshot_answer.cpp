// SPDX-License-Identifier: Apache-2.0
#include "export/snapshot_answer.h"

#include "report.h"
#include "report_csv.h"
#include "report_json.h"
#include "report_table.h"

namespace throttlelens {

SnapshotAnswer answer_snapshot(const Snapshot& snapshot, const Mark* start,
                               const SnapshotQuery& query, std::size_t width) {
  constexpr const char* kTableContentType = "text/plain; charset=utf-8";
  const Report report = make_report(snapshot, start, query);
  switch (query.format) {
    case SnapshotFormat::json:
      break;
    case SnapshotFormat::csv:
      return {.content_type = kCsvContentType, .body = render_csv(snapshot, report)};
    case SnapshotFormat::table:
      return {.content_type = kTableContentType,
              .body = render_table(snapshot, report, query.width.value_or(width))};
    case SnapshotFormat::wide:
      return {.content_type = kTableContentType, .body = render_wide_table(snapshot, report)};
  }
  return {.content_type = kJsonContentType, .body = render_json(snapshot, report)};
}

}  // namespace throttlelens
