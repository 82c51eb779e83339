// SPDX-License-Identifier: Apache-2.0
// The comparisons every truth test makes, with the bounds the project promises.
#pragma once

#include <string>

#include "load_process.h"
#include "observer.h"
#include "scoped_cgroup.h"

namespace throttlelens::test {

/// Guests run on an emulated CPU; the kernel says so in cpuinfo ("hypervisor" alone does not tell).
bool emulated();

std::vector<std::string> procs_of(const ScopedCgroup& group);

/// The windows' sum against the kernel's own usage counter of a cgroup that was made for this load
/// and is quiet now: within 0.05 % or 1 ms.
/// `processes`: how many came and went, beyond a few.
void check_sum(const Observer& observer, const ScopedCgroup& group, int processes = 0);

/// Every single window against the load's own record: within 1 ms (5 ms where the CPU is
/// emulated, beyond the load's own doubt) at the 99th percentile.
void check_windows(const Observer& observer, const std::string& path, const LoadRecord& load);

/// Periods, throttled periods, throttled time, quota and burst against cpu.stat.
void check_bandwidth(const Observer& observer, const ScopedCgroup& group);

}  // namespace throttlelens::test
