// SPDX-License-Identifier: Apache-2.0
// The real source on the real kernel, driven as the daemon drives it, remembering all it says.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cgroup/cgroup_tree.h"
#include "model/window_batch.h"
#include "probe/source.h"

namespace throttlelens::test {

/// What was told of the waits of a cgroup, added up.
struct WaitSums {
  Nanoseconds throttle{0};
  Nanoseconds contention{0};
  Nanoseconds throttled{0};
  Nanoseconds throttled_while_idle{0};
  Nanoseconds lost{0};
  DurationHistogram throttle_waits;  ///< that ended
  DurationHistogram contention_waits;
  std::vector<ThrottleEpisode> episodes;  ///< that ended, as they were told

  void add(const CgroupWaits& waits);
  /// What came after `earlier`, an older copy of the same sums.
  WaitSums since(const WaitSums& earlier) const;
  Nanoseconds all() const { return throttle + contention; }
};

struct Observed {
  std::map<WindowIndex, Nanoseconds> windows;  ///< only windows it ran in
  std::set<WindowIndex> unknown;               ///< windows whose use was told to be not known
  std::map<WindowIndex, CgroupWaits> waits;    ///< only windows with something to tell
  WaitSums waits_sum;                          ///< of windows and gaps
  Nanoseconds in_windows{0};
  Nanoseconds in_gaps{0};
  Nanoseconds corrected{0};
  std::optional<Nanoseconds> usage_before;
  std::optional<Bandwidth> bandwidth;
  bool gone = false;

  Nanoseconds total() const { return in_windows + in_gaps + corrected; }
};

/// What stands behind the source, told what the daemon's profiler tells its rooms, in its order.
class Rooms {
 public:
  virtual ~Rooms() = default;
  virtual void changed(CgroupTree& tree, const TreeChanges& changes, MonoTime now) = 0;
  virtual void collected(const std::vector<WindowBatch>& batches, MonoTime now) = 0;
};

class Observer {
 public:
  /// With rooms it also collects when cgroups come and go, as the daemon does.
  explicit Observer(const SourceOptions& options = {}, Rooms* rooms = nullptr);

  /// Collects after each window's end until `done` says so, and always for two windows more.
  void run_until(const std::function<bool()>& done);
  void run_for(Nanoseconds time);
  /// Collects what is there now.
  void collect();

  /// By path; nothing was seen of it: all zero.
  const Observed& of(const std::string& path) const;
  bool knows(const std::string& path) const { return by_path_.contains(path); }
  /// What the kernel charged and we did not, or the other way round, before a comparison begins.
  void set_aside(const std::string& path, Nanoseconds difference) { aside_[path] = difference; }
  Nanoseconds aside(const std::string& path) const {
    const auto it = aside_.find(path);
    return it == aside_.end() ? Nanoseconds(0) : it->second;
  }
  const SourceLosses& losses() const { return losses_; }
  const std::set<WindowIndex>& missed() const { return missed_; }
  WindowIndex first_window() const { return first_window_; }
  const std::vector<NodeUse>& node() const { return node_; }
  /// Windows and gaps so far, in which any CPU may have been busy: those with no idle time told.
  Nanoseconds node_not_idle() const { return node_not_idle_; }
  bool waits_known() const { return waits_known_; }  ///< in every batch so far
  bool lost_known() const { return lost_known_; }
  /// What the model promises of waits and a batch did not keep, a line each time.
  const std::set<std::string>& broken_promises() const { return broken_promises_; }
  WindowIndex next_window() const { return next_window_; }  ///< the first that is not known yet
  CgroupTree& tree() { return *tree_; }
  const SystemClock& clock() const { return clock_; }
  Nanoseconds base() const { return options_.base; }

 private:
  void take(const WindowBatch& batch);
  void take_waits(const WindowBatch& batch);
  void sleep_until_next_edge();

  SourceOptions options_;
  Rooms* rooms_;
  SystemClock clock_;
  std::unique_ptr<CgroupTree> tree_;
  std::unique_ptr<Source> source_;
  std::map<CgroupKey, std::string> paths_;
  std::map<std::string, Observed> by_path_;
  std::map<std::string, Nanoseconds> aside_;
  std::set<WindowIndex> missed_;
  WindowIndex first_window_ = 0;
  WindowIndex next_window_ = 0;
  std::vector<NodeUse> node_;
  Nanoseconds node_not_idle_{0};
  bool waits_known_ = true;
  bool lost_known_ = false;
  std::set<std::string> broken_promises_;
  SourceLosses losses_;
};

}  // namespace throttlelens::test
