// SPDX-License-Identifier: Apache-2.0
// Every key there is, as data, and the walk that matches a file against it.
#pragma once

#include "config/config.h"
#include "yaml_tree.h"

namespace throttlelens::config {

/// Overwrites in `out` what the file sets and reports everything that is wrong.
void read_config(const YamlNode& root, Config& out, Problems& problems);

}  // namespace throttlelens::config
