// SPDX-License-Identifier: Apache-2.0
// What this machine offers, found once, and what follows from it: a pure function.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"

namespace throttlelens {

/// One thing the probe needs or likes, as found on this machine.
struct Feature {
  std::string name;  ///< "kernel BTF", "CAP_BPF", "tp_btf/sched_switch", ...
  bool present = false;
  bool required = false;  ///< without it there is no BPF tier
  std::string detail;     ///< value found, or why it is missing
  std::string fix;        ///< how to get it; empty when present
};

struct Features {
  std::string kernel;   ///< uname -r
  std::string machine;  ///< uname -m
  std::uint32_t cpus_possible = 0;
  bool private_memory = false;  ///< that of other processes can be read
  std::vector<Feature> list;
};

/// Looks, changes nothing that outlives the call.
Features detect_features();

/// The part of it that is about other processes: what shims and runc cost.
std::vector<Feature> detect_process_features();

struct ProbePlan {
  bool bpf = false;
  std::string reason;  ///< why not bpf: the missing required features and how to get them
};

ProbePlan make_plan(const Features& features);

}  // namespace throttlelens
