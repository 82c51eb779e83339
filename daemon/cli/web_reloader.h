// SPDX-License-Identifier: Apache-2.0
// Follows the web configuration and the files it names: what changes there is in force within two
// turns, what is broken changes nothing and is told once.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/web_config.h"

namespace throttlelens {

class WebReloader {
 public:
  struct Ports {
    std::function<LoadedWebConfig()> load;
    std::function<std::optional<FileIdentity>(const std::string& path)> look;
    std::function<Result<void>(const WebConfig&)> apply;
    std::function<void()> reloaded;  ///< tells that another one is in force
    std::function<void(const std::string& problem)> refused;
  };

  WebReloader(Ports ports, WebConfig in_force, std::vector<SeenFile> seen);

  /// To be called once a second or so.
  void turn();

 private:
  bool changed() const;
  void reload();

  const Ports ports_;
  WebConfig in_force_;
  std::vector<SeenFile> seen_;  ///< when they were read last, with success or not
  /// Why the last reading was refused. Told when nothing has changed a turn later: a certificate
  /// without its new key is most often one that is still being replaced.
  std::vector<std::string> untold_;
};

}  // namespace throttlelens
