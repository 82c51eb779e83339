// SPDX-License-Identifier: Apache-2.0
// State directories that nobody listed: what watches a container, containerd's shim or conmon, is
// told on its command line where its files are.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>

#include "base/units.h"
#include "state_dir.h"

namespace throttlelens::runtime {

/// What one process says. `arguments` as in /proc/PID/cmdline; `directory` is where it stands, may
/// be empty. Pure.
std::vector<StateDir> states_of_process(std::string_view name, std::string_view arguments,
                                        std::string_view directory);

/// What /proc/PID/cgroup says: none of its cgroups is a container's, or below one. Nothing, or a
/// text that is cut, says no such thing. Pure.
bool is_outside_containers(std::string_view cgroups);

class StateDiscovery {
 public:
  explicit StateDiscovery(std::string proc) : proc_(std::move(proc)) {}

  /// Looks at a few hundred processes more; begins anew at most every 10 s. Anyone can write a
  /// command line, so it believes only those of root, or of our own user, that are in no container:
  /// root in an ordinary container is root here too.
  std::vector<StateDir> step(MonoTime now);

 private:
  std::string proc_;
  std::unique_ptr<DIR, int (*)(DIR*)> listing_{nullptr, ::closedir};
  MonoTime next_{};
};

}  // namespace throttlelens::runtime
