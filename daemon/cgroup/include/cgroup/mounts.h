// SPDX-License-Identifier: Apache-2.0
// Which mounted hierarchy holds the cpu controller and which one counts its use. Pure: text in,
// plain values out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace throttlelens {

enum class CgroupMode { v1, hybrid, v2 };
/// "v1", "hybrid" or "v2".
const char* to_string(CgroupMode mode);

/// One line of mountinfo that mounts a cgroup hierarchy.
struct CgroupMount {
  std::string point;  ///< where it is mounted
  std::string root;   ///< the part of the hierarchy it shows; "/" is all of it
  bool v2 = false;
  std::vector<std::string> controllers;  ///< v1 only: its super options, "cpu" among them
};

/// The cgroup mounts in the text of /proc/self/mountinfo; lines it does not understand are skipped.
std::vector<CgroupMount> parse_mountinfo(std::string_view text);

struct CgroupHierarchies {
  CgroupMode mode = CgroupMode::v2;
  std::string cpu;    ///< directory of the hierarchy with the cpu controller
  std::string usage;  ///< directory where use is counted; empty: no such hierarchy to be seen
  std::string part;   ///< only what is in this cgroup can be seen; empty: everything
};

/// `root` is where the hierarchies are looked for. `proc_cgroups` is the text of /proc/cgroups,
/// which alone tells a v2 machine from one whose v1 cpu hierarchy is not visible; may be empty.
Result<CgroupHierarchies> find_hierarchies(const std::vector<CgroupMount>& mounts,
                                           std::string_view root, std::string_view proc_cgroups);

}  // namespace throttlelens
