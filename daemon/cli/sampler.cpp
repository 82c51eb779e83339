// SPDX-License-Identifier: Apache-2.0
#include "sampler.h"

#include <algorithm>
#include <utility>

#include "cli/window_timing.h"

namespace throttlelens {
namespace {

/// After the edge, so that what the kernel charges at the edge itself is in.
constexpr Nanoseconds kLag = std::chrono::milliseconds(1);
/// A storm of cgroups being made and removed costs at most this many wakes: 100 a second.
constexpr Nanoseconds kNotifyPause = std::chrono::milliseconds(10);

}  // namespace

Result<Sampler> Sampler::start(EventLoop& loop, Profiler& profiler, const Clock& clock,
                               Nanoseconds base) {
  if (auto watched = loop.watch(profiler.notify_fd()); !watched) {
    return std::unexpected(watched.error());
  }
  Sampler sampler(loop, profiler, clock, base);
  auto first = profiler.step(clock.now());
  if (!first.errors.empty()) return std::unexpected(std::move(first.errors.front()));
  sampler.first_warnings_ = std::move(first.warnings);
  return sampler;
}

Result<MonoTime> Sampler::deadline() {
  const MonoTime now = clock_->now();
  const MonoTime window = next_wake(now, base_, kLag);
  if (!notify_paused_) return window;
  if (now < notify_resumes_) return std::min(window, notify_resumes_);
  if (auto resumed = loop_->resume(profiler_->notify_fd()); !resumed) {
    return std::unexpected(resumed.error());
  }
  notify_paused_ = false;
  return window;
}

Result<Sampler::Turn> Sampler::turn() {
  const auto until = deadline();
  if (!until) return std::unexpected(until.error());
  auto events = loop_->wait(*until);
  if (!events) return std::unexpected(events.error());

  Turn turn{
      .now = clock_->now(), .step = {}, .signals = std::move(events->signals), .readable = {}};
  const auto notified = std::ranges::find(events->readable, profiler_->notify_fd());
  if (notified != events->readable.end()) {
    events->readable.erase(notified);
    if (auto paused = loop_->pause(profiler_->notify_fd()); !paused) {
      return std::unexpected(paused.error());
    }
    notify_paused_ = true;
    notify_resumes_ = turn.now + kNotifyPause;
  }
  turn.readable = std::move(events->readable);
  // Cheap when no window has ended and no cgroup changed, so every wake takes what is there.
  turn.step = profiler_->step(turn.now);
  if (!first_warnings_.empty()) {
    turn.step.warnings.insert(turn.step.warnings.begin(), first_warnings_.begin(),
                              first_warnings_.end());
    first_warnings_.clear();
  }
  return turn;
}

}  // namespace throttlelens
