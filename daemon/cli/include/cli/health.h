// SPDX-License-Identifier: Apache-2.0
// Whether the daemon lives and is ready, as HTTP threads may ask at any time.
#pragma once

#include <algorithm>
#include <atomic>
#include <string>

#include "base/units.h"

namespace throttlelens {

class Health {
 public:
  /// The sampler counts as alive from `start` on, so that attaching may take its time.
  Health(MonoTime start, Nanoseconds base)
      : patience_(std::max<Nanoseconds>(std::chrono::seconds(5), 3 * base)),
        last_beat_(start.since_boot) {}

  void beat(MonoTime now) { last_beat_.store(now.since_boot, std::memory_order_relaxed); }
  void set_ready() { ready_.store(true, std::memory_order_relaxed); }

  /// Empty when alive, otherwise why not.
  std::string dead_because(MonoTime now) const {
    const Nanoseconds silence = now.since_boot - last_beat_.load(std::memory_order_relaxed);
    if (silence <= patience_) return {};
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(silence).count();
    return "the sampler has not collected a window for " + std::to_string(seconds) + " s";
  }
  /// Empty when ready, otherwise why not.
  std::string unready_because() const {
    return ready_.load(std::memory_order_relaxed) ? "" : "the first window is not completed yet";
  }

 private:
  Nanoseconds patience_;
  std::atomic<Nanoseconds> last_beat_;
  std::atomic<bool> ready_{false};
};

}  // namespace throttlelens
