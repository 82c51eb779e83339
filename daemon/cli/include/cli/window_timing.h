// SPDX-License-Identifier: Apache-2.0
// When to wake and when to publish: pure computations on instants.
#pragma once

#include <optional>

#include "base/units.h"

namespace throttlelens {

/// The first instant after `now` that lies `lag` past the edge of a base window. Absolute, so that
/// lateness never adds up.
constexpr MonoTime next_wake(MonoTime now, Nanoseconds base, Nanoseconds lag) {
  const Nanoseconds past = now.since_boot - lag;
  if (past < Nanoseconds::zero()) return {lag};
  return {(past / base + 1) * base + lag};
}

/// The end of the first window of `length` that begins at `start` or later.
constexpr MonoTime first_whole_window_end(MonoTime start, Nanoseconds length) {
  const auto begun = start.since_boot / length;
  const bool on_edge = start.since_boot % length == Nanoseconds::zero();
  return {(begun + (on_edge ? 1 : 2)) * length};
}

/// Snapshots are built for readers only: the first one, when a reader waits, and for a while after
/// one came, so that the next finds a recent one.
class PublishPolicy {
 public:
  static constexpr Nanoseconds kInterest{std::chrono::seconds(10)};
  static constexpr Nanoseconds kPace{std::chrono::seconds(1)};

  /// Asked after a window was completed; true means that the caller now publishes.
  bool due(MonoTime now, bool wanted) {
    if (wanted) last_wanted_ = now;
    const bool interest = last_wanted_ && now - *last_wanted_ <= kInterest;
    const bool publish =
        wanted || !last_published_ || (interest && now - *last_published_ >= kPace);
    if (publish) last_published_ = now;
    return publish;
  }

 private:
  std::optional<MonoTime> last_wanted_;
  std::optional<MonoTime> last_published_;
};

}  // namespace throttlelens
