// SPDX-License-Identifier: Apache-2.0
// Gives meaning: joins names, limits and counters with the timeline's readings into the immutable
// snapshot, and owns the life of rows (dead and reborn cgroups, containers and pods).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "model/container.h"
#include "model/overhead.h"
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
  std::size_t max_dead = 4096;  ///< rows of removed cgroups at a time; the oldest end early
  Nanoseconds marks{std::chrono::minutes(5)};  ///< how far back Snapshot::marks reach
};

class Accounts {
 public:
  explicit Accounts(const AccountsOptions& options);
  ~Accounts();
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  void apply(const WindowBatch& batch, MonoTime now);
  /// Names may come before the cgroup is announced by a batch, or long after. `gone`: directories
  /// that are no longer there; a name stays as long as its directory or its row.
  /// Returns them with the names their rows show: of two containers with one name outside of
  /// Kubernetes, the later one's is changed.
  std::vector<Identified> identify(const std::vector<Identified>& identified,
                                   const std::vector<CgroupKey>& gone, MonoTime now);
  /// The container that a cgroup is or lies in, with the name its row shows; null: none, or the
  /// cgroup has neither name nor row yet. Valid until the next call that changes anything.
  const ContainerIdentity* container_around(CgroupKey key) const;
  bool is_container(CgroupKey key) const;
  /// Of a container, as the kernel has it now.
  void set_weight(CgroupKey key, CpuWeight weight);

  /// What the timeline knows of a cgroup; absent if it knows nothing.
  using LastReading = std::function<std::optional<SeriesReading>(CgroupKey)>;
  /// Cgroups whose rows have ended (dead for keep_dead, or superseded by a new cgroup of the same
  /// path) since the last call: the timeline may forget them, what they counted was taken over
  /// from `last`. A removed cgroup that has no row is among them too, so that nothing kept of it
  /// elsewhere stays behind.
  std::vector<CgroupKey> take_ended(MonoTime now, const LastReading& last);

  /// Rows are sorted by the bytes of their paths or names. A row's usage is the kernel's counter at
  /// its start and all that was counted since. A dead cgroup's counters keep their last value; its
  /// windows go on, without use. Rows of one name add up: see ContainerRow. Overhead rows follow
  /// the filters: none of a pod whose rows are all hidden. What pause used comes from the
  /// sandboxes' cgroups; the rest of `overhead` is shown as it is.
  std::shared_ptr<const Snapshot> snapshot(const TimelineReading& reading,
                                           const OverheadReading& overhead, const ProbeInfo& probe,
                                           std::vector<MetadataErrors> metadata_errors,
                                           MonoTime now);

  /// Whether another second of CLOCK_MONOTONIC has been completed by the batches since the last
  /// mark: time for the next one.
  bool mark_due() const;
  /// Keeps the counters that a snapshot would show now, right after a batch, for Snapshot::marks:
  /// of each of the last 10 seconds, of every fifth up to a minute or so, of every thirtieth
  /// beyond.
  void mark(const CountersReading& counters, const OverheadReading& overhead);

  // From a reloaded configuration; rows follow at the next snapshot.
  void set_filters(std::vector<std::string> include, std::vector<std::string> exclude);
  void set_keep_dead(Nanoseconds keep_dead);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace throttlelens
