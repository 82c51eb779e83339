// SPDX-License-Identifier: Apache-2.0
// Steps a profiler at the right moments: after every window's edge, and when cgroups come and go.
#pragma once

#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/units.h"
#include "event_loop.h"
#include "profiler.h"

namespace throttlelens {

class Sampler {
 public:
  struct Turn {
    MonoTime now{};
    Profiler::Step step;
    std::vector<int> signals;
    std::vector<int> readable;  ///< descriptors the caller watches
  };

  /// Everything passed must outlive the sampler. Steps once, so that measuring starts now.
  static Result<Sampler> start(EventLoop& loop, Profiler& profiler, const Clock& clock,
                               Nanoseconds base);

  /// Waits for the next event and deals with it.
  Result<Turn> turn();

 private:
  Sampler(EventLoop& loop, Profiler& profiler, const Clock& clock, Nanoseconds base)
      : loop_(&loop), profiler_(&profiler), clock_(&clock), base_(base) {}
  Result<MonoTime> deadline();

  EventLoop* loop_;
  Profiler* profiler_;
  const Clock* clock_;
  Nanoseconds base_;
  std::vector<Error> first_warnings_;  ///< of the step at the start, told with the first turn
  bool notify_paused_ = false;
  MonoTime notify_resumes_{};
};

}  // namespace throttlelens
