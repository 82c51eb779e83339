// SPDX-License-Identifier: Apache-2.0
// The life of rows: one per path, taken over by the newest cgroup of that path, kept for a while
// after its cgroup is gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/units.h"
#include "model/cgroup.h"
#include "model/window_batch.h"
#include "path_filter.h"
#include "row_ids.h"

namespace throttlelens::accounts {

/// What is known of the cgroup behind a row, beside its time.
struct Row {
  CgroupKey key;
  std::uint64_t id = 0;
  CgroupKey parent;  ///< id 0 for the root
  std::shared_ptr<const std::string> path;
  std::optional<Nanoseconds> usage_before;
  std::optional<WindowIndex> first_window;  ///< as CgroupRow::first_window
  std::optional<Bandwidth> bandwidth;
  std::optional<MonoTime> gone_at;
  bool shown = true;      ///< by the filter
  std::size_t place = 0;  ///< in the order of paths
};

class Rows {
 public:
  Rows(PathFilter filter, Nanoseconds keep_dead, std::size_t max_dead);

  void apply(const WindowBatch& batch, MonoTime now);
  void set_filter(PathFilter filter);
  void set_keep_dead(Nanoseconds keep_dead) { keep_dead_ = keep_dead; }
  /// Drops rows that were dead long enough, and the longest dead of more than max_dead. The rows
  /// that ended since the last call, each key once; of a cgroup that was removed and had no row
  /// there is only the key.
  std::vector<Row> take_ended(MonoTime now);

  /// By the bytes of the path, so "/" is first and parents come before their children.
  const std::vector<const Row*>& by_path() const { return by_path_; }
  /// Whether there is a filter.
  bool filtered() const { return !filter_.include.empty() || !filter_.exclude.empty(); }
  /// Null if no row belongs to this cgroup.
  const Row* find(CgroupKey key) const;

 private:
  void appear(const CgroupAppeared& appeared, WindowIndex first);
  void leave(CgroupKey key, MonoTime now);
  void put_in_order();
  void drop(CgroupKey key);

  struct Death {
    MonoTime at;
    CgroupKey key;
  };

  RowIds ids_{RowIds::Kind::cgroup};
  PathFilter filter_;
  Nanoseconds keep_dead_;
  std::size_t max_dead_;
  std::map<std::string_view, Row> rows_;  ///< the view is of the row's own path
  std::unordered_map<CgroupKey, Row*> by_key_;
  std::vector<const Row*> by_path_;  ///< kept, so that a snapshot need not sort
  std::deque<Death> deaths_;         ///< oldest first; some were reborn or superseded since
  std::map<CgroupKey, Row> ended_;
};

}  // namespace throttlelens::accounts
