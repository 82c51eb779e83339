// SPDX-License-Identifier: Apache-2.0
// Keeps a failure that repeats ten times a second from filling the log.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "base/units.h"

namespace throttlelens {

class ErrorLimiter {
 public:
  static constexpr Nanoseconds kRepeat{std::chrono::minutes(5)};
  static constexpr std::size_t kRemembered = 64;  ///< messages can hold hostile names

  /// Whether to log this message now: the first time, then once in kRepeat. While too many
  /// distinct ones are remembered, new ones are not admitted.
  bool admit(const std::string& message, MonoTime now) {
    std::erase_if(last_, [&](const auto& entry) { return now - entry.second >= kRepeat; });
    if (last_.size() >= kRemembered) return false;
    return last_.emplace(message, now).second;
  }

 private:
  std::map<std::string, MonoTime> last_;
};

}  // namespace throttlelens
