// SPDX-License-Identifier: Apache-2.0
#include "cpustat_series.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace throttlelens {
namespace {

Nanoseconds on_line(MonoTime edge, const PollSpan& span, Nanoseconds before, Nanoseconds now) {
  if (edge >= span.to) return now;
  if (edge <= span.from) return before;
  const double share = static_cast<double>((edge - span.from).count()) /
                       static_cast<double>((span.to - span.from).count());
  // Exact to a nanosecond up to 2^53 ns of use between two polls.
  return before + Nanoseconds(std::llround(static_cast<double>((now - before).count()) * share));
}

}  // namespace

Nanoseconds CpustatSeries::take(Nanoseconds reading, Nanoseconds most) {
  if (!counting) {
    counting = true;
    if (newborn && reading <= most) {
      if (!announced) before = Nanoseconds(0);
    } else {
      polled = handed = reading;
      blurred = true;
      if (!announced) before = reading;
    }
    return reading;
  }
  const Nanoseconds usage = reading + offset;
  if (usage >= polled) return usage;
  // cpuacct.usage can be written to; smaller steps back are rounding of the kernel's sums.
  constexpr Nanoseconds kReset = std::chrono::milliseconds(100);
  if (polled - usage > kReset) {
    offset = polled - reading;
    blurred = true;
  }
  return polled;
}

Nanoseconds CpustatSeries::hand_on(MonoTime edge, const PollSpan& span, Nanoseconds now) {
  const Nanoseconds until = std::max(handed, on_line(edge, span, polled, now));
  return until - std::exchange(handed, until);
}

void CpustatSeries::start_at(MonoTime edge, const PollSpan& span, Nanoseconds now) {
  handed = on_line(edge, span, polled, now);
  if (before) before = handed;
}

}  // namespace throttlelens
