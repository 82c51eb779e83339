// SPDX-License-Identifier: Apache-2.0
#include "settings.h"

namespace throttlelens {

std::expected<Config, ConfigProblems> load_settings(const std::string& file,
                                                    const Overrides& overrides) {
  std::expected<Config, ConfigProblems> config;
  if (!file.empty()) config = load_config(file);
  if (!config) return config;
  if (overrides.listen) config->listen = *overrides.listen;
  if (overrides.log_level) config->log.level = *overrides.log_level;
  return config;
}

IdentityOptions identity_options(const Config::Runtimes& runtimes) {
  return {.containerd = runtimes.containerd,
          .crio = runtimes.crio,
          .docker = runtimes.docker,
          .podman = runtimes.podman};
}

}  // namespace throttlelens
