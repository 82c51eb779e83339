// SPDX-License-Identifier: Apache-2.0
// The sections whose keys are the administrator's: basic_auth_users, and headers.
#pragma once

#include <vector>

#include "config/web_config.h"
#include "values.h"

namespace throttlelens::config {

std::vector<WebConfig::User> read_users(const Entry& entry, Problems& problems);
std::vector<WebConfig::Header> read_headers(const Entry& entry, Problems& problems);

}  // namespace throttlelens::config
