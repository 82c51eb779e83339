// SPDX-License-Identifier: Apache-2.0
#include "web_reloader.h"

#include <algorithm>
#include <utility>

namespace throttlelens {

WebReloader::WebReloader(Ports ports, WebConfig in_force, std::vector<SeenFile> seen)
    : ports_(std::move(ports)), in_force_(std::move(in_force)), seen_(std::move(seen)) {}

void WebReloader::turn() {
  if (changed()) return reload();
  for (const std::string& problem : std::exchange(untold_, {})) ports_.refused(problem);
}

bool WebReloader::changed() const {
  return std::ranges::any_of(
      seen_, [this](const SeenFile& file) { return ports_.look(file.path) != file.identity; });
}

void WebReloader::reload() {
  LoadedWebConfig loaded = ports_.load();
  seen_ = std::move(loaded.seen);
  untold_.clear();
  if (!loaded.config) {
    for (const ConfigProblem& problem : loaded.config.error()) untold_.push_back(problem.text());
    return;
  }
  if (*loaded.config == in_force_) return;
  if (const auto applied = ports_.apply(*loaded.config); !applied) {
    untold_.push_back(applied.error().message());
    return;
  }
  in_force_ = std::move(*loaded.config);
  ports_.reloaded();
}

}  // namespace throttlelens
