// SPDX-License-Identifier: Apache-2.0
// Base windows of which something is not known, although the windows themselves were seen: a
// cgroup's use, because its counter could not be read (hardly any has one), or everybody's waits.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "model/window_batch.h"

namespace throttlelens::timeline {

class UnknownWindows {
 public:
  /// Windows come in rising order.
  void add(WindowIndex window);
  /// Frees what lies before `oldest`.
  void expire(WindowIndex oldest);
  bool empty() const { return stretches_.empty(); }
  /// Whether one lies within [first, end).
  bool any(WindowIndex first, WindowIndex end) const { return last_start(first, end).has_value(); }
  /// Where the latest stretch that reaches into [first, end) begins; it may begin before `first`.
  std::optional<WindowIndex> last_start(WindowIndex first, WindowIndex end) const;
  /// Memory it points to.
  std::size_t bytes() const { return stretches_.capacity() * sizeof(Stretch); }

 private:
  struct Stretch {
    WindowIndex first;
    WindowIndex end;
  };
  std::vector<Stretch> stretches_;  ///< rising, none next to another
};

}  // namespace throttlelens::timeline
