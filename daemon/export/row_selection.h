// SPDX-License-Identifier: Apache-2.0
// Which rows a scrape shows when not all of them fit.
#pragma once

#include <cstdint>
#include <vector>

#include "export/metrics.h"
#include "exposed_rows.h"

namespace throttlelens {

struct RowSelection {
  std::vector<ExposedRow> rows;  ///< in the order they came
  SeriesLeftOut left_out;
};

/// Whole rows, by kind, those with a limit first, those with most CPU time in total first, until
/// the next one would not fit.
RowSelection select_rows(std::vector<ExposedRow> rows, std::uint64_t max_series);

}  // namespace throttlelens
