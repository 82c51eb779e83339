// SPDX-License-Identifier: Apache-2.0
// What `doctor` found, as plain values, and how it is shown: pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "probe/plan.h"

namespace throttlelens {

struct StateDirectory {
  enum class State { found, absent, unreadable };
  std::string runtime;  ///< "containerd"
  std::string path;
  State state = State::absent;
};

struct DoctorReport {
  std::string version;
  Features features;

  std::string tier;            ///< "bpf", "cpustat", or "none"
  std::string reason;          ///< why not bpf; empty in tier bpf
  std::optional<Error> error;  ///< what stops the main job; then the tier is "none"

  std::string cgroup_root;
  std::string cgroup_mode;             ///< empty when the tree could not be read
  std::optional<std::size_t> cgroups;  ///< absent likewise
  std::vector<std::string> cgroup_warnings;
  std::vector<StateDirectory> state_directories;
  std::size_t named_containers = 0;    ///< without pause containers and monitors
  std::size_t unnamed_containers = 0;  ///< known from their path alone
};

std::string doctor_text(const DoctorReport& report);
std::string doctor_json(const DoctorReport& report);

}  // namespace throttlelens
