// SPDX-License-Identifier: Apache-2.0
// A real cgroup for the length of a test: made in the hierarchy with the cpu controller and in the
// one that counts use, removed with all below it whatever happens. Needs root.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/units.h"
#include "cgroup/mounts.h"
#include "model/cgroup.h"

namespace throttlelens::test {

/// Throws std::runtime_error where the machine refuses: a test has nothing else to do then.
class ScopedCgroup {
 public:
  /// "/throttlelens-test-PID-N" under the root.
  ScopedCgroup();
  ~ScopedCgroup();
  ScopedCgroup(ScopedCgroup&& other) noexcept;
  ScopedCgroup& operator=(ScopedCgroup&&) = delete;

  /// Why no cgroup can be made here; empty when it can.
  static std::string unavailable();
  static CgroupMode mode();
  static const std::string& cpu_root();  ///< where the cpu hierarchy is mounted

  /// A cgroup below; on v2 the cpu controller is enabled for it, so this one must have no process.
  /// Removed on its own end or, at the latest, on that of the topmost.
  ScopedCgroup child(const std::string& name);
  /// Only in the cpu hierarchy (v1 with cpuacct apart; elsewhere the same as child()).
  ScopedCgroup cpu_only_child(const std::string& name);
  /// Makes it again under the same name after remove(); a new cgroup for the kernel.
  void create();
  void remove();  ///< its processes are moved to the root first

  const std::string& path() const { return path_; }  ///< from the hierarchy's root
  std::string cpu_dir() const;                       ///< directory in the cpu hierarchy
  std::string usage_dir() const;                     ///< directory where use is counted
  CgroupKey key() const;

  bool has_burst() const;  ///< the kernel knows bursts
  void set_limit(const CpuLimit& limit);
  void clear_limit();
  void add_process(pid_t pid);
  std::vector<pid_t> processes() const;

  Nanoseconds usage() const;      ///< the kernel's counter, read by path
  std::string stat_text() const;  ///< cpu.stat
  /// A field of cpu.stat, in the kernel's unit.
  std::optional<std::uint64_t> stat_field(const std::string& name) const;

 private:
  ScopedCgroup(std::string path, bool with_usage);
  std::string path_;
  bool with_usage_ = true;
};

/// A child process that waits, and spins when told to; ended and reaped with the object.
class ScopedChild {
 public:
  ScopedChild();
  ~ScopedChild();
  ScopedChild(const ScopedChild&) = delete;
  ScopedChild& operator=(const ScopedChild&) = delete;

  pid_t pid() const { return pid_; }
  /// Returns when the child has used this much CPU time.
  void burn(Nanoseconds cpu_time);
  /// Returns at once; wait_burnt() waits for the end.
  void start_burning(Nanoseconds cpu_time);
  void wait_burnt();
  /// Stopped for good: when this returns it uses no more CPU time.
  void stop();

 private:
  pid_t pid_ = -1;
  int commands_ = -1;
  int answers_ = -1;
};

}  // namespace throttlelens::test
