// SPDX-License-Identifier: Apache-2.0
// Every number of a report's row as data: JSON, CSV, the tables and what they say of sources are
// made of this one table.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report.h"

namespace throttlelens {

enum class ReportUnit : std::uint8_t { seconds, cores, ratio, per_second, count, bytes };

using ReportValue = std::function<std::optional<double>(const ReportRow&)>;

struct ReportField {
  std::string path;  ///< of the key in a JSON row: "over_window.cores"
  ReportUnit unit = ReportUnit::cores;
  std::string_view meaning;
  std::string_view metric;  ///< whose source in the catalogue is this one's, too
  ReportValue value;
  /// JSON has it elsewhere, as before there was a span.
  bool elsewhere_in_json = false;

  // The column of the tables; without a heading there is none.
  std::string heading{};
  int rank = 0;  ///< see Column; columns that only the wide table has need none
  bool wide_only = false;
  std::string note{};   ///< see Column
  ReportValue shown{};  ///< what the tables show, if it is not `value`
};

/// Of the column WHY, which is no number and so no field; see Column.
inline constexpr int kWhyRank = 2;
/// The last of the columns that make way for the heading only, not for long names.
inline constexpr int kLastNeededRank = kWhyRank + 2;

/// In the order in which all forms have them. The windows are those of the snapshot.
std::vector<ReportField> report_fields(const Snapshot& snapshot);

/// Its name as a column of CSV: dots of the path are underscores.
std::string csv_name(const ReportField& field);
/// "cores", "ratio", "seconds", "seconds per second", "periods", "bytes".
std::string_view unit_name(ReportUnit unit);
/// Kernel field or file, as in the catalogue of metrics.
std::string_view source_of(const ReportField& field);
/// As people read it: "12m", "45%", "820ms", "12MiB"; "-" for what is not known.
std::string cell_text(ReportUnit unit, std::optional<double> value);

}  // namespace throttlelens
