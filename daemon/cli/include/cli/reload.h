// SPDX-License-Identifier: Apache-2.0
// What a reloaded configuration changes at once, and what waits for a restart: a pure function.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace throttlelens {

struct ReloadPlan {
  Config running;                         ///< the old one with what applies at once
  std::vector<std::string> applied;       ///< keys, as in the file: "log.level"
  std::vector<std::string> need_restart;  ///< keys that differ but keep their old value
};

ReloadPlan plan_reload(const Config& running, const Config& wanted);

}  // namespace throttlelens
