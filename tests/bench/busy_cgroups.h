// SPDX-License-Identifier: Apache-2.0
// Many cgroups, of which some do a little every now and then. Removed even if we are killed.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <sys/types.h>

#include "scoped_cgroup.h"

namespace throttlelens::bench {

class BusyCgroups {
 public:
  /// `active` of the `count` wake every 50 to 100 ms and run for 100 µs.
  BusyCgroups(std::size_t count, std::size_t active);
  ~BusyCgroups();
  BusyCgroups(const BusyCgroups&) = delete;
  BusyCgroups& operator=(const BusyCgroups&) = delete;

  /// The counter file that every cgroup has, and the ones that tell use and throttling together.
  std::vector<std::string> stat_files() const;
  std::vector<std::string> all_files() const;

 private:
  void guard();
  void start_load(test::ScopedCgroup& cgroup, std::size_t index);

  test::ScopedCgroup top_;
  int guard_ = -1;
  pid_t guardian_ = -1;
  std::vector<test::ScopedCgroup> cgroups_;
  std::vector<pid_t> loads_;
};

}  // namespace throttlelens::bench
