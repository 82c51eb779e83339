// SPDX-License-Identifier: Apache-2.0
#include "config/web_config.h"

#include <filesystem>
#include <utility>

#include "file_text.h"
#include "problems.h"
#include "web_schema.h"
#include "yaml_tree.h"

namespace throttlelens {

std::expected<WebConfig, ConfigProblems> parse_web_config(std::string_view yaml,
                                                          std::string file_name,
                                                          const ReadFile& read) {
  const std::string folder = std::filesystem::path(file_name).parent_path().string();
  config::Problems problems(std::move(file_name));
  WebConfig result;
  if (const auto root = config::read_yaml(yaml, problems)) {
    result = config::read_web_config(*root, {.folder = folder, .read = read}, problems);
  }
  if (!problems.empty()) return std::unexpected(problems.take());
  return result;
}

LoadedWebConfig load_web_config(const std::string& path) {
  LoadedWebConfig out;
  const auto look = [&out](const std::string& name, const std::string& called) {
    auto file = config::read_file(name, called);
    out.seen.push_back({.path = name, .identity = {}});
    if (file) out.seen.back().identity = file->identity;
    return file;
  };
  const auto file = look(path, "web configuration file");
  if (!file) {
    out.config = std::unexpected(ConfigProblems{{.file = path, .message = file.error()}});
    return out;
  }
  out.config =
      parse_web_config(file->text, path,
                       [&look](const std::string& name) -> std::expected<std::string, std::string> {
                         auto pem = look(name, "file");
                         if (!pem) return std::unexpected(std::move(pem.error()));
                         return std::move(pem->text);
                       });
  return out;
}

}  // namespace throttlelens
