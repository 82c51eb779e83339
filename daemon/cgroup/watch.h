// SPDX-License-Identifier: Apache-2.0
// inotify over cgroup directories, and the timer for what no watch can see, behind one descriptor.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "base/units.h"

namespace throttlelens {

class Watch {
 public:
  enum class Kind {
    child,        ///< a directory of this name came, went or was renamed
    limit,        ///< a quota, period or burst file was written
    weight,       ///< cpu.shares or cpu.weight was written
    controllers,  ///< the controllers of the children were switched
    lost,         ///< events were lost
  };
  struct Event {
    int wd = -1;
    Kind kind = Kind::lost;
    std::string_view name;  ///< of a child
  };

  static Result<Watch> open(std::uint32_t max_watches);

  int fd() const { return epoll_.get(); }
  /// ENOSPC when the kernel or the cap has none left.
  Result<int> add(int dir_fd);
  void remove(int wd);
  /// Hands on everything queued so far; files that do not matter are filtered here.
  Result<void> read(const std::function<void(const Event&)>& handle);

  Result<void> set_timer(Nanoseconds first, Nanoseconds every);
  bool timer_fired();

 private:
  UniqueFd inotify_, timer_, epoll_;
  std::uint32_t max_watches_ = 0;
  std::uint32_t watches_ = 0;
  std::vector<char> buffer_;
};

}  // namespace throttlelens
