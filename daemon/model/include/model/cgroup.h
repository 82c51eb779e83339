// SPDX-License-Identifier: Apache-2.0
// What a cgroup is to every room: a key that is never reused, and its CPU bandwidth.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/units.h"

namespace throttlelens {

/// A cgroup of the hierarchy that holds the cpu controller. Source: kernfs_node.id, which is the
/// inode number of its directory; on 64-bit kernels it carries a generation and is not reused.
struct CgroupKey {
  std::uint64_t id = 0;
  friend auto operator<=>(const CgroupKey&, const CgroupKey&) = default;
};

/// A CPU limit. Source: cpu.max and cpu.max.burst (v2), cpu.cfs_{quota,period,burst}_us (v1), or
/// task_group.cfs_bandwidth.
struct CpuLimit {
  Nanoseconds quota{0};   ///< CPU time per period, over all CPUs
  Nanoseconds period{0};  ///< 100 ms unless changed
  Nanoseconds burst{0};   ///< unused quota that may be carried over; 0 when off or unknown

  double cores() const {
    return static_cast<double>(quota.count()) / static_cast<double>(period.count());
  }
  friend bool operator==(const CpuLimit&, const CpuLimit&) = default;
};

/// Bandwidth control of one cgroup, this level only (the kernel does not add up children).
/// Source: cpu.stat, or the same fields in task_group.cfs_bandwidth.
struct Bandwidth {
  std::optional<CpuLimit> limit;           ///< absent: no quota
  std::uint64_t nr_periods = 0;            ///< periods with runnable threads
  std::uint64_t nr_throttled = 0;          ///< of those, periods that ran out of quota
  Nanoseconds throttled_time{0};           ///< summed over CPUs; moves at unthrottle
  std::optional<std::uint64_t> nr_bursts;  ///< absent before about 5.19
  std::optional<Nanoseconds> burst_time;   ///< absent before about 5.19
  friend bool operator==(const Bandwidth&, const Bandwidth&) = default;
};

/// How a cgroup shares a busy CPU with its siblings; Kubernetes derives it from the CPU request.
struct CpuWeight {
  enum class Scale {
    shares,  ///< cpu.shares (v1): 2 to 262144, 1024 unless set
    weight,  ///< cpu.weight (v2): 1 to 10000, 100 unless set
  };
  Scale scale = Scale::shares;
  std::uint64_t value = 0;
  friend bool operator==(const CpuWeight&, const CpuWeight&) = default;
};

/// A cgroup as its directory shows it.
struct CgroupNode {
  CgroupKey key;
  CgroupKey parent;  ///< id 0 for the root
  std::string path;  ///< from the hierarchy's root, "/" for the root; bytes as the kernel has them
};

/// Changes of the cgroup tree as its directories showed them since the last time.
struct TreeChanges {
  std::vector<CgroupNode> appeared;  ///< parents before children
  std::vector<CgroupKey> gone;
  std::vector<CgroupKey> limits_changed;   ///< a quota, period or burst file was written
  std::vector<CgroupKey> weights_changed;  ///< cpu.shares or cpu.weight was written
};

/// The kernel's own counters by file: the cross-check of the BPF source and all that the cpustat
/// source has. Implemented by the cgroup room.
class CgroupCounters {
 public:
  virtual ~CgroupCounters() = default;
  /// CPU time of the cgroup and all below it since it was made. Source: usage_usec of cpu.stat
  /// (v2), cpuacct.usage (v1).
  virtual Result<Nanoseconds> usage(CgroupKey key) = 0;
  /// Errors with ENOENT for the root, which has no bandwidth control.
  virtual Result<Bandwidth> bandwidth(CgroupKey key) = 0;
};

}  // namespace throttlelens

template <>
struct std::hash<throttlelens::CgroupKey> {
  std::size_t operator()(const throttlelens::CgroupKey& key) const noexcept {
    return std::hash<std::uint64_t>{}(key.id);
  }
};
