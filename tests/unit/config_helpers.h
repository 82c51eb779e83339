// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace throttlelens {

using Lines = std::vector<std::string>;

/// What is wrong with `yaml` as a person sees it, the file being "f"; empty when nothing is.
inline Lines problems_of(std::string_view yaml) {
  Lines lines;
  const auto config = parse_config(yaml, "f");
  if (config) return lines;
  for (const auto& problem : config.error()) lines.push_back(problem.text());
  return lines;
}

/// "LINE:COLUMN" of every problem.
inline Lines places_of(std::string_view yaml) {
  Lines places;
  const auto config = parse_config(yaml, "f");
  if (config) return places;
  for (const auto& problem : config.error()) {
    places.push_back(std::to_string(problem.line) + ":" + std::to_string(problem.column));
  }
  return places;
}

/// The one problem of `yaml`; a text that no test expects when there is none or several.
inline std::string problem_of(std::string_view yaml) {
  const Lines lines = problems_of(yaml);
  return lines.size() == 1 ? lines[0] : std::to_string(lines.size()) + " problems";
}

}  // namespace throttlelens
