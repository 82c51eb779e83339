// SPDX-License-Identifier: Apache-2.0
// What pods cost, as a snapshot shows it: what was measured of processes and what the sandboxes'
// cgroups used, joined by name, numbered, and hidden where the pod is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "model/mark.h"
#include "model/overhead.h"
#include "names.h"
#include "row_ids.h"
#include "rows.h"
#include "sandboxes.h"

namespace throttlelens::accounts {

class OverheadRows {
 public:
  /// A row has its number from the first of these calls that it is in, until one that it is not in.
  std::vector<OverheadRow> show(const OverheadReading& reading, const SandboxReading& sandboxes,
                                const Names& names, const Rows& rows);
  /// The counters of the same rows, by id.
  std::vector<OverheadCounters> count(const OverheadReading& reading,
                                      const SandboxReading& sandboxes, const Names& names,
                                      const Rows& rows);

 private:
  struct Kept {
    std::uint64_t id = 0;
    bool shown = true;  ///< what it was last, once the pod has no rows to tell
    // The row may be kept for longer than the sandboxes of its name.
    std::uint64_t sandboxes = 0;         ///< Groups::Group::id; 0: there were none
    std::optional<Nanoseconds> pause{};  ///< of those, the last known
    Nanoseconds pause_before{0};         ///< of those before them
  };
  /// One of the two may be null.
  struct Joined {
    const OverheadRow* measured = nullptr;
    const SandboxUse* sandbox = nullptr;
    std::uint64_t id = 0;
    std::optional<Nanoseconds> pause{};
  };
  using Place = std::map<RowName, Kept>::iterator;
  static std::vector<Joined> join(const OverheadReading& reading, const SandboxReading& sandboxes);
  /// Those that are shown, in the order of their names.
  std::vector<Joined> known(const OverheadReading& reading, const SandboxReading& sandboxes,
                            const Names& names, const Rows& rows);
  Place keep(Place place, const Joined& joined, bool filtered);
  static std::optional<Nanoseconds> pause_of(Kept& kept, const SandboxUse* sandbox);

  RowIds ids_{RowIds::Kind::overhead};
  std::map<RowName, Kept> kept_;
};

}  // namespace throttlelens::accounts
