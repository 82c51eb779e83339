// SPDX-License-Identifier: Apache-2.0
// The only door to cgroupfs: finds the hierarchy that holds the cpu controller, watches its
// directories, and reads the kernel's counters through kept file descriptors. Everything is
// relative to directory descriptors, because names are recycled and a recreated cgroup is a new
// one.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "model/cgroup.h"

namespace throttlelens {

struct CgroupTreeOptions {
  std::string root = "/sys/fs/cgroup";  ///< where the hierarchies are mounted
  std::string proc = "/proc";           ///< self/mountinfo below it names the mounts
};

enum class CgroupMode { v1, hybrid, v2 };
/// "v1", "hybrid" or "v2".
const char* to_string(CgroupMode mode);

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
  /// the kernel says that notifications were lost.
  Result<TreeChanges> changes();

  Result<Nanoseconds> usage(CgroupKey key) override;
  Result<Bandwidth> bandwidth(CgroupKey key) override;

 private:
  struct Impl;
  explicit CgroupTree(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace throttlelens
