// SPDX-License-Identifier: Apache-2.0
// Counts base windows by use divided by the limit. Windows are counted when something later asks,
// so that windows without use cost nothing.
#pragma once

#include <cstdint>
#include <optional>

#include "base/units.h"
#include "model/cgroup.h"
#include "model/snapshot.h"

namespace throttlelens::timeline {

/// Windows are named by how many were seen before them (Coverage::windows_seen): missed windows
/// do not exist here.
class LimitRatio {
 public:
  /// A usable limit's CPU time per base window; absent for none, and for nonsense.
  static std::optional<double> per_window(const std::optional<CpuLimit>& limit, Nanoseconds base);

  /// Windows from `seen` on are measured by this limit; without one nothing is counted.
  void set_limit(std::optional<double> limit, std::uint64_t seen);
  void add(std::uint64_t seen, Nanoseconds used);
  /// The window is not known: it is in no bucket.
  void skip(std::uint64_t seen);
  /// With all windows before `seen` counted.
  LimitRatioHistogram read(std::uint64_t seen) const;

 private:
  void count_until(std::uint64_t seen);

  std::optional<double> limit_;
  std::uint64_t counted_ = 0;      ///< windows before this one are in the histogram
  std::uint64_t used_window_ = 0;  ///< the latest with use; not yet counted if >= counted_
  Nanoseconds used_{0};
  LimitRatioHistogram histogram_;
};

}  // namespace throttlelens::timeline
