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

class StateDiscovery {
 public:
  explicit StateDiscovery(std::string proc) : proc_(std::move(proc)) {}

  /// Looks at a few hundred processes more; begins anew at most every 10 s. Believes only those of
  /// root, or of our own user: anyone can write a command line.
  std::vector<StateDir> step(MonoTime now);

 private:
  std::string proc_;
  std::unique_ptr<DIR, int (*)(DIR*)> listing_{nullptr, ::closedir};
  MonoTime next_{};
};

}  // namespace throttlelens::runtime
