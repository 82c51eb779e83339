// SPDX-License-Identifier: Apache-2.0
// Gives meaning: joins names, limits and counters with the timeline's readings into the immutable
// snapshot, and owns the life of rows (dead and reborn cgroups).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/units.h"
#include "model/series.h"
#include "model/snapshot.h"
#include "model/window_batch.h"

namespace throttlelens {

struct AccountsOptions {
  Nanoseconds base{std::chrono::milliseconds(100)};
  std::vector<Nanoseconds> reported;
  std::vector<std::string> include;  ///< globs over paths, '*' matches '/'; empty: all
  std::vector<std::string> exclude;  ///< globs over paths; wins over include
  Nanoseconds keep_dead{std::chrono::seconds(60)};  ///< how long a removed cgroup keeps its row
};

class Accounts {
 public:
  explicit Accounts(const AccountsOptions& options);
  ~Accounts();
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  void apply(const WindowBatch& batch, MonoTime now);
  /// Cgroups whose rows have ended (dead for keep_dead, or superseded by a new cgroup of the same
  /// path) since the last call: the timeline may forget them. A removed cgroup that has no row is
  /// among them too, so that nothing kept of it elsewhere stays behind.
  std::vector<CgroupKey> take_ended(MonoTime now);
  /// Rows are sorted by the bytes of their paths. A row's usage is the kernel's counter at its
  /// start and all that was counted since. A dead cgroup's counters keep their last value; its
  /// windows go on, without use.
  std::shared_ptr<const Snapshot> snapshot(const TimelineReading& reading, const ProbeInfo& probe,
                                           MonoTime now) const;
  /// New filters from a reloaded configuration; rows follow at the next snapshot.
  void set_filters(std::vector<std::string> include, std::vector<std::string> exclude);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace throttlelens
