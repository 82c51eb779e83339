// SPDX-License-Identifier: Apache-2.0
// One thread's wait: for an absolute instant, signals, and readable descriptors.
#pragma once

#include <csignal>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "base/units.h"

namespace throttlelens {

class EventLoop {
 public:
  struct Events {
    bool timer = false;  ///< the deadline has passed
    std::vector<int> signals;
    std::vector<int> readable;
  };

  /// Blocks `signals` in the calling thread, and so in every thread it starts later: from here on
  /// they arrive through wait() only.
  static Result<std::unique_ptr<EventLoop>> create(std::span<const int> signals);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// `fd` stays the caller's and must be open as long as the loop waits.
  Result<void> watch(int fd);
  /// Stops reporting `fd` until resumed; it stays watched.
  Result<void> pause(int fd);
  Result<void> resume(int fd);

  Result<Events> wait(MonoTime deadline);

 private:
  EventLoop() = default;
  Result<void> control(int operation, int fd, unsigned events);
  void take_signals(Events& events);

  UniqueFd epoll_;
  UniqueFd timer_;
  UniqueFd signals_;
  sigset_t blocked_{};
  sigset_t before_{};
};

}  // namespace throttlelens
