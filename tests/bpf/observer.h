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

struct Observed {
  std::map<WindowIndex, Nanoseconds> windows;  ///< only windows it ran in
  std::set<WindowIndex> unknown;               ///< windows whose use was told to be not known
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
  CgroupTree& tree() { return *tree_; }
  const SystemClock& clock() const { return clock_; }
  Nanoseconds base() const { return options_.base; }

 private:
  void take(const WindowBatch& batch);
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
  std::vector<NodeUse> node_;
  SourceLosses losses_;
};

}  // namespace throttlelens::test
