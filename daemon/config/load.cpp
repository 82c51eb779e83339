// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <utility>

#include "config/config.h"
#include "file_text.h"

namespace throttlelens {

std::expected<Config, ConfigProblems> load_config(const std::string& path) {
  const auto file = config::read_file(path, "configuration file");
  if (!file) return std::unexpected(ConfigProblems{{.file = path, .message = file.error()}});
  auto config = parse_config(file->text, path);
  // A relative path starts from the file that names it, wherever the daemon was started.
  if (config && !config->web_config_file.empty()) {
    config->web_config_file =
        (std::filesystem::path(path).parent_path() / config->web_config_file).string();
  }
  return config;
}

}  // namespace throttlelens
