// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <ctime>

namespace throttlelens {

MonoTime SystemClock::now() const {
  timespec ts{};
  ::clock_gettime(CLOCK_MONOTONIC, &ts);
  return {std::chrono::seconds(ts.tv_sec) + Nanoseconds(ts.tv_nsec)};
}

}  // namespace throttlelens
