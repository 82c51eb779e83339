// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include <utility>

#include "problems.h"
#include "schema.h"
#include "yaml_tree.h"

namespace throttlelens {

std::expected<Config, ConfigProblems> parse_config(std::string_view yaml, std::string file_name) {
  config::Problems problems(std::move(file_name));
  Config result;
  if (const auto root = config::read_yaml(yaml, problems)) {
    config::read_config(*root, result, problems);
  }
  if (!problems.empty()) return std::unexpected(problems.take());
  return result;
}

}  // namespace throttlelens
