// SPDX-License-Identifier: Apache-2.0
// Says that a scrape is not whole, and whose rows it lacks, without filling the log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/units.h"
#include "cli/escape.h"
#include "export/metrics.h"

namespace throttlelens {

/// One line: how many series limits.max_series left out, and of which namespaces most.
inline std::string series_warning(const SeriesLeftOut& left_out, std::uint32_t max_series) {
  std::string text = "limits.max_series is " + std::to_string(max_series) + ": " +
                     std::to_string(left_out.series) + " series left out of this scrape, ";
  if (left_out.namespaces.empty()) return text + "none of them in a namespace";
  std::uint64_t named = 0;
  std::string names;
  for (const auto& one : left_out.namespaces) {
    named += one.series;
    names += (names.empty() ? "" : ", ") + escape_text(one.name) + " (" +
             std::to_string(one.series) + ")";
  }
  text += named == left_out.series ? "all" : named > left_out.series / 2 ? "most" : "some";
  return text + " of them in " + (left_out.namespaces.size() == 1 ? "namespace " : "namespaces ") +
         names;
}

class SeriesWarner {
 public:
  static constexpr Nanoseconds kRepeat{std::chrono::minutes(1)};

  /// What to log after a scrape, if anything: at most one line in kRepeat. Callers take turns.
  std::optional<std::string> take(const SeriesLeftOut& left_out, std::uint32_t max_series,
                                  MonoTime now) {
    if (left_out.series == 0 || (last_ && now - *last_ < kRepeat)) return std::nullopt;
    last_ = now;
    return series_warning(left_out, max_series);
  }

 private:
  std::optional<MonoTime> last_;
};

}  // namespace throttlelens
