// SPDX-License-Identifier: Apache-2.0
// Reads quota, periods and throttling of cgroups from the kernel's own structures, in few runs of
// a BPF program instead of a file per cgroup.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "bpf_programs.h"
#include "group_table.h"
#include "model/cgroup.h"

namespace throttlelens {

/// The kernel's fields as a plain value.
Bandwidth to_bandwidth(const tl_bandwidth& raw);

/// Reads all `groups` that the kernel has announced; the others and those whose slot was taken
/// over are left out. Appends only what changed since it was last handed on, and remembers it.
Result<void> read_bandwidths(BpfPrograms& programs, const std::vector<GroupTable::GroupPtr>& groups,
                             std::vector<BandwidthSample>& changed);

}  // namespace throttlelens
