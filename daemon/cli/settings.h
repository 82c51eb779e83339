// SPDX-License-Identifier: Apache-2.0
// The configuration in force: the file's values, overridden by flags.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "config/config.h"
#include "runtime/identities.h"

namespace throttlelens {

struct Overrides {
  std::optional<std::string> listen;
  std::optional<LogLevel> log_level;
};

/// An empty file name stands for the built-in values.
std::expected<Config, ConfigProblems> load_settings(const std::string& file,
                                                    const Overrides& overrides);

/// What the runtime room wants of it.
IdentityOptions identity_options(const Config::Runtimes& runtimes);

}  // namespace throttlelens
