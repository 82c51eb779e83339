// SPDX-License-Identifier: Apache-2.0
#include "export/snapshot_store.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

namespace throttlelens {

struct SnapshotStore::Impl {
  // Written under the mutex only: a wish is either seen by the publish that ends it or outlives it.
  std::atomic<bool> wanted{false};
  mutable std::mutex mutex;
  std::condition_variable published;
  std::shared_ptr<const Snapshot> newest;
  std::uint64_t generation = 0;
};

SnapshotStore::SnapshotStore() : impl_(std::make_unique<Impl>()) {}
SnapshotStore::~SnapshotStore() = default;

bool SnapshotStore::wanted() const {
  return impl_->wanted.load(std::memory_order_relaxed);
}

void SnapshotStore::publish(std::shared_ptr<const Snapshot> snapshot) {
  {
    const std::lock_guard lock(impl_->mutex);
    std::swap(impl_->newest, snapshot);
    ++impl_->generation;
    impl_->wanted.store(false, std::memory_order_relaxed);
  }
  impl_->published.notify_all();
  // The old one, now in `snapshot`, is freed here, outside the lock.
}

std::shared_ptr<const Snapshot> SnapshotStore::latest() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->newest;
}

std::shared_ptr<const Snapshot> SnapshotStore::fresh(Nanoseconds patience) {
  // Bounded, because now + patience must not overflow.
  const Nanoseconds bounded = std::clamp<Nanoseconds>(patience, {}, std::chrono::hours(1));
  std::unique_lock lock(impl_->mutex);
  impl_->wanted.store(true, std::memory_order_relaxed);
  const std::uint64_t before = impl_->generation;
  impl_->published.wait_for(lock, bounded, [&] { return impl_->generation != before; });
  return impl_->newest;
}

}  // namespace throttlelens
