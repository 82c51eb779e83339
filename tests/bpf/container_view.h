// SPDX-License-Identifier: Apache-2.0
// The product's rooms from cgroup tree to snapshot, joined as the daemon's profiler joins them, on
// the real kernel. Remembers what every snapshot showed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "accounts/accounts.h"
#include "model/snapshot.h"
#include "observer.h"
#include "runtime/identities.h"
#include "timeline/timeline.h"

namespace throttlelens::test {

class ContainerView final : Rooms {
 public:
  explicit ContainerView(IdentityOptions names);

  Observer& observer() { return observer_; }
  const Snapshot& snapshot() const { return *snapshot_; }
  /// Of the last snapshot; null when there is no such row.
  const ContainerRow* container(const std::string& pod_namespace, const std::string& pod,
                                const std::string& name) const;
  const PodRow* pod(const std::string& pod_namespace, const std::string& pod) const;
  /// What ended rows of the namespace had used.
  Nanoseconds ended(const std::string& pod_namespace) const;

  /// What the rows of containers and pods showed of this cgroup.
  struct Shown {
    WindowIndex since = 0;                       ///< last window of the first snapshot with its row
    std::map<WindowIndex, Nanoseconds> windows;  ///< the base windows
  };
  const Shown& shown(const std::string& path) const;

  /// Collects until it is so; false when it is not within this time.
  bool becomes_true_within(Nanoseconds time, const std::function<bool()>& condition);
  /// For how long a row stays after its cgroup, time goes on at once: only dead rows notice.
  void let_dead_rows_end();

 private:
  void changed(CgroupTree& tree, const TreeChanges& changes, MonoTime now) override;
  void collected(const std::vector<WindowBatch>& batches, MonoTime now) override;
  void end_rows(MonoTime now);
  void take_snapshot(MonoTime now);
  void remember(const CgroupRow& row);

  AccountsOptions options_;
  Identities identities_;
  Timeline timeline_;
  Accounts accounts_;
  Nanoseconds skipped_{0};
  std::shared_ptr<const Snapshot> snapshot_;
  std::map<std::string, Shown> shown_;
  Observer observer_;  // the last: it collects while it is made
};

}  // namespace throttlelens::test
