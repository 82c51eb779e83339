// SPDX-License-Identifier: Apache-2.0
// A snapshot's rows as a scrape would show them if all fit: with their labels, no two the same.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "family.h"
#include "hidden_families.h"
#include "model/snapshot.h"

namespace throttlelens {

/// When not all rows fit, the later kinds are left out first.
enum class RowKind { container, pod, overhead, ended, cgroup };

struct ExposedRow {
  RowKind kind = RowKind::cgroup;
  Labels labels{};                          ///< namespace first, except of a cgroup
  std::uint64_t series = 0;                 ///< that it becomes
  const CgroupRow* cpu = nullptr;           ///< null: kind overhead or ended
  const ContainerRow* container = nullptr;  ///< null: another kind
  const OverheadRow* overhead = nullptr;    ///< null: another kind
  const EndedUsage* ended = nullptr;        ///< null: another kind
};

struct ExposedRows {
  std::vector<ExposedRow> rows;  ///< by kind, within it in the snapshot's order
  /// Of rows without a name, or with the labels of a row before them.
  std::uint64_t clashing_series = 0;
};

/// All texts that become values of distinct labels; they are part of the snapshot.
std::vector<std::string_view> label_texts(const Snapshot& snapshot);

ExposedRows exposed_rows(const Snapshot& snapshot, const HiddenFamilies& hidden);

}  // namespace throttlelens
