// SPDX-License-Identifier: Apache-2.0
// A scrape taken apart into lines, for the tests of the export room.
#pragma once

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "export/metrics.h"
#include "export_samples.h"

namespace throttlelens::samples {

inline std::string render(const Snapshot& snapshot, std::uint32_t max_series = 50000) {
  std::uint64_t dropped = 0;
  return render_metrics(snapshot, process(), options(max_series), dropped).text;
}

inline std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

inline std::vector<std::string> samples_of(const std::string& text) {
  std::vector<std::string> out = lines(text);
  std::erase_if(out, [](const std::string& line) { return line.starts_with('#'); });
  return out;
}

/// Samples whose line begins so.
inline std::vector<std::string> samples_of(const std::string& text, std::string_view start) {
  std::vector<std::string> out = samples_of(text);
  std::erase_if(out, [start](const std::string& line) { return !line.starts_with(start); });
  return out;
}

}  // namespace throttlelens::samples
