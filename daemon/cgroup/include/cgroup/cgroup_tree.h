// SPDX-License-Identifier: Apache-2.0
// The only door to cgroupfs: finds the hierarchy that holds the cpu controller, watches its
// directories, and reads the kernel's counters through kept file descriptors. Everything is
// relative to directory descriptors, because names are recycled and a recreated cgroup is a new
// one. For one thread.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "cgroup/mounts.h"
#include "model/cgroup.h"

namespace throttlelens {

struct CgroupTreeOptions {
  std::string root = "/sys/fs/cgroup";  ///< where the hierarchies are mounted
  std::string proc = "/proc";           ///< self/mountinfo below it names the mounts
  /// inotify watches to take at most: the kernel's allowance is shared by all programs of a user.
  std::uint32_t max_watches = std::numeric_limits<std::uint32_t>::max();
  Nanoseconds rescan{std::chrono::seconds(3)};  ///< how often to look where no watch is to be had
};

class CgroupTree final : public CgroupCounters {
 public:
  static Result<std::unique_ptr<CgroupTree>> open(const CgroupTreeOptions& options);
  ~CgroupTree() override;
  CgroupTree(const CgroupTree&) = delete;
  CgroupTree& operator=(const CgroupTree&) = delete;

  /// v2: the cpu controller is in the unified hierarchy. hybrid: it is in a v1 hierarchy and a v2
  /// one is mounted beside it. v1: no v2 mount.
  CgroupMode mode() const;
  /// Becomes readable when changes() has something to tell.
  int notify_fd() const;
  /// All cgroups at the first call, afterwards what changed since the last. Never rescans unless
  /// the kernel says that notifications were lost, or has no watch left to give. `gone` lists
  /// children before parents; no key is in two lists; a cgroup that came and went between two
  /// calls is in none.
  Result<TreeChanges> changes();
  /// What the tree has to do without (watches, descriptors, too deep cgroups); each is told once.
  std::vector<Error> take_warnings();

  /// ENOENT where use is not counted (v1: no such directory in the cpuacct hierarchy), ENODEV when
  /// the cgroup was removed.
  Result<Nanoseconds> usage(CgroupKey key) override;
  /// The limit is as of the last changes(). Called right after usage() of the same cgroup, both
  /// come from one read where one file has both.
  Result<Bandwidth> bandwidth(CgroupKey key) override;
  /// Opens and closes the file: weights hardly ever change, and TreeChanges::weights_changed tells.
  /// ENOENT for the root and without the cpu controller.
  Result<CpuWeight> weight(CgroupKey key);
  /// Processes in the cgroup itself, none below it, as the pid namespace we are in numbers them;
  /// those outside of it are left out. Opens and closes cgroup.procs. ENODEV or ENOENT when the
  /// cgroup was removed, EOPNOTSUPP where it is threaded (v2).
  Result<std::vector<std::uint32_t>> processes(CgroupKey key);
  /// The cgroup that the text of a /proc/<pid>/cgroup names in the hierarchy of the cpu controller;
  /// absent when it is not known (yet), or outside of our cgroup namespace.
  std::optional<CgroupKey> cgroup_of(std::string_view proc_cgroup);

 private:
  struct Impl;
  explicit CgroupTree(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace throttlelens
