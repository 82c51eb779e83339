// SPDX-License-Identifier: Apache-2.0
// tl_load as a child process, and what it says of itself.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/units.h"

namespace throttlelens::test {

struct RecordedWindow {
  Nanoseconds cpu{0};
  Nanoseconds doubt{0};  ///< the load's own bound on its error
};

/// What a load recorded of itself.
struct LoadRecord {
  Nanoseconds cpu{0};                            ///< all threads, children included
  Nanoseconds wall{0};                           ///< from begin to end of each thread, summed
  std::map<std::uint64_t, RecordedWindow> full;  ///< CPU time of windows every thread was there for
  std::uint64_t iterations = 0;
};

class LoadProcess {
 public:
  /// Starts tl_load with these arguments, and returns when it has joined these cgroups (their
  /// cgroup.procs files) and waits for go().
  LoadProcess(const std::vector<std::string>& arguments, const std::vector<std::string>& procs,
              bool real_time = false);
  LoadProcess(LoadProcess&&) noexcept;
  LoadProcess(const LoadProcess&) = delete;
  LoadProcess& operator=(const LoadProcess&) = delete;
  ~LoadProcess();  ///< kills it if it still runs

  void go();
  /// Its threads come to be now and sleep until then.
  void go_at(MonoTime time);
  pid_t pid() const { return pid_; }
  bool running();
  /// With --linger: its threads have done their work and sleep.
  bool done();
  /// Asks it to end.
  void stop();
  /// Waits for its end. Fails the test when it failed.
  LoadRecord finish();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  int input_ = -1;
  int errors_ = -1;  ///< kept open: a load may have something to say
  std::string said_;
};

}  // namespace throttlelens::test
