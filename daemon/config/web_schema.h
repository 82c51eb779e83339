// SPDX-License-Identifier: Apache-2.0
// Every key of a web-config.yml, as data, and the walk that matches a file against it.
#pragma once

#include <string>

#include "config/web_config.h"
#include "yaml_tree.h"

namespace throttlelens::config {

struct WebSource {
  std::string folder;  ///< where relative paths start
  const ReadFile& read;
};

WebConfig read_web_config(const YamlNode& root, const WebSource& source, Problems& problems);

}  // namespace throttlelens::config
