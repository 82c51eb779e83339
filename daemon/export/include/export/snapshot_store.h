// SPDX-License-Identifier: Apache-2.0
// Where the sampler leaves the newest snapshot and readers fetch it. The sampler never waits:
// readers raise a wish, the sampler sees it after its next window and publishes.
#pragma once

#include <memory>

#include "base/units.h"
#include "model/snapshot.h"

namespace throttlelens {

class SnapshotStore {
 public:
  SnapshotStore();
  ~SnapshotStore();
  SnapshotStore(const SnapshotStore&) = delete;
  SnapshotStore& operator=(const SnapshotStore&) = delete;

  /// Sampler: whether a reader has asked since the last publish. Lock-free.
  bool wanted() const;
  void publish(std::shared_ptr<const Snapshot> snapshot);

  /// Readers: the newest published; null before the first.
  std::shared_ptr<const Snapshot> latest() const;
  /// Readers: asks for a new one and waits for it at most `patience`, then takes the newest there
  /// is; null when there is none yet.
  std::shared_ptr<const Snapshot> fresh(Nanoseconds patience);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace throttlelens
