// SPDX-License-Identifier: Apache-2.0
// The chain from kernel to snapshot, as one thing to step: cgroup tree, names, source, timeline,
// accounts.
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
  bool ready() const { return ready_; }  ///< a base window was completed
  ProbeInfo info() const { return source_->info(); }
  int notify_fd() const { return tree_->notify_fd(); }  ///< readable: cgroups came or went
  /// Takes over what may change while running: filters, and how long ended rows stay.
  void reconfigure(const Config& config);

 private:
  Profiler(const Config& config, std::unique_ptr<CgroupTree> tree, std::unique_ptr<Source> source);

  void name_containers(const TreeChanges& changes, MonoTime now);

  std::unique_ptr<CgroupTree> tree_;  ///< outlives the source, which reads through it
  std::unique_ptr<Source> source_;
  Identities identities_;
  Timeline timeline_;
  Accounts accounts_;
  bool ready_ = false;
};

}  // namespace throttlelens
