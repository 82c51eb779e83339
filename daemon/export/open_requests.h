// SPDX-License-Identifier: Apache-2.0
// How many requests have been read and not been answered yet. Whoever ends the event loop waits for
// them: libmicrohttpd 0.9.75 closes connections that were resumed just before, without another
// look.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace throttlelens {

class OpenRequests {
 public:
  void begun() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void ended() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_one();
  }
  /// Returns when there is none, or after `most`: a slow reader must not keep us.
  void wait_for_none(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    none_.wait_for(lock, most, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t count_ = 0;
};

}  // namespace throttlelens
