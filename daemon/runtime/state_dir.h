// SPDX-License-Identifier: Apache-2.0
// Where a runtime keeps its files.
#pragma once

#include <string>

namespace throttlelens::runtime {

struct StateDir {
  enum class Layout {
    docker,      ///< containers/<id>/config.v2.json
    storage,     ///< overlay-containers/<id>/userdata/config.json, of CRI-O and Podman
    containerd,  ///< io.containerd.runtime.v2.task/<namespace>/<id>/config.json
  };
  Layout layout = Layout::containerd;
  std::string runtime;  ///< as in ContainerIdentity
  std::string path;
  bool discovered = false;  ///< a process told, not the configuration

  friend bool operator==(const StateDir&, const StateDir&) = default;
};

}  // namespace throttlelens::runtime
