// SPDX-License-Identifier: Apache-2.0
// What the web configuration asks for, as the HTTP server wants it.
#pragma once

#include <string>

#include "config/web_config.h"
#include "export/http_security.h"

namespace throttlelens {

HttpSecurity http_security(const WebConfig& web);

/// Everything that is wrong with the file and with what it names; empty when a server can be
/// started with it.
ConfigProblems web_config_problems(const std::string& path);

}  // namespace throttlelens
