// SPDX-License-Identifier: Apache-2.0
// The chain from kernel to snapshot, as one thing to step: cgroup tree, names, sources, timeline,
// overhead, accounts.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "accounts/accounts.h"
#include "base/error.h"
#include "base/units.h"
#include "cgroup/cgroup_tree.h"
#include "config/config.h"
#include "model/snapshot.h"
#include "overhead/overhead.h"
#include "probe/process_source.h"
#include "probe/source.h"
#include "runtime/identities.h"
#include "timeline/timeline.h"

namespace throttlelens {

class Profiler {
 public:
  struct Step {
    std::size_t batches = 0;      ///< completed by this step
    bool collected = false;       ///< the source answered
    std::vector<Error> errors;    ///< the step went on as far as it could
    std::vector<Error> warnings;  ///< what it has to do without; each is told once
  };

  static Result<std::unique_ptr<Profiler>> create(const Config& config);

  /// Takes in what happened until `now`. May be called at any time.
  Step step(MonoTime now);
  std::shared_ptr<const Snapshot> snapshot(MonoTime now);
  /// For who takes one snapshot only; see Overhead.
  void read_missing_memory(MonoTime now) { overhead_.read_missing_memory(now); }
  bool ready() const { return ready_; }  ///< a base window was completed
  ProbeInfo info() const { return source_->info(); }
  int notify_fd() const { return tree_->notify_fd(); }  ///< readable: cgroups came or went
  /// Takes over what may change while running: filters, and how long ended rows stay.
  void reconfigure(const Config& config);

 private:
  struct Parts {
    std::unique_ptr<CgroupTree> tree;
    std::unique_ptr<Source> source;
    std::unique_ptr<ProcessSource> processes;
    bool private_memory = false;
  };
  Profiler(const Config& config, Parts parts);

  void name_containers(const TreeChanges& changes, MonoTime now);
  /// `read_alive`: as ProcessSource::collect() takes it.
  void follow_processes(MonoTime now, bool read_alive);

  std::unique_ptr<CgroupTree> tree_;  ///< outlives the source, which reads through it
  std::unique_ptr<Source> source_;
  std::unique_ptr<ProcessSource> processes_;
  Identities identities_;
  Timeline timeline_;
  Accounts accounts_;
  Overhead overhead_;                     ///< asks the accounts and the tree
  std::vector<Error> errors_, warnings_;  ///< for the next step to tell
  bool ready_ = false;
};

}  // namespace throttlelens
