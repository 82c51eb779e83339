// SPDX-License-Identifier: Apache-2.0
// Units every room speaks. Durations and instants are signed 64-bit nanoseconds.
#pragma once

#include <chrono>
#include <cstdint>

namespace throttlelens {

using Nanoseconds = std::chrono::nanoseconds;

/// An instant of CLOCK_MONOTONIC, the clock windows are aligned to.
struct MonoTime {
  Nanoseconds since_boot{0};

  friend constexpr auto operator<=>(const MonoTime&, const MonoTime&) = default;
  friend constexpr MonoTime operator+(MonoTime t, Nanoseconds d) { return {t.since_boot + d}; }
  friend constexpr MonoTime operator-(MonoTime t, Nanoseconds d) { return {t.since_boot - d}; }
  friend constexpr Nanoseconds operator-(MonoTime a, MonoTime b) {
    return a.since_boot - b.since_boot;
  }
};

constexpr double to_seconds(Nanoseconds d) {
  return std::chrono::duration<double>(d).count();
}

}  // namespace throttlelens
