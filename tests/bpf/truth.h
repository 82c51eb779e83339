// SPDX-License-Identifier: Apache-2.0
// The comparisons every truth test makes, with the bounds the project promises.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "load_process.h"
#include "observer.h"
#include "scoped_cgroup.h"

namespace throttlelens::test {

/// Guests run on an emulated CPU; the kernel says so in cpuinfo ("hypervisor" alone does not tell).
bool emulated();

std::vector<std::string> procs_of(const ScopedCgroup& group);

/// One line of the log: how far apart, and how far it may be.
void report(const char* what, const std::string& path, double difference_ns, double bound_ns);

/// Starts loads that have joined their cgroups. What a thread ran since the last tick is charged by
/// the kernel (v2) to the cgroup it joins, by us to the one it left: up to a tick a process. So the
/// comparison begins here, with all of them at rest.
void start(Observer& observer, const std::vector<const ScopedCgroup*>& groups,
           std::vector<LoadProcess>& loads);
void start(Observer& observer, const std::vector<const ScopedCgroup*>& groups, LoadProcess& load);

/// The windows' sum against the kernel's own usage counter of a cgroup that was made for this load
/// and is quiet now: within 0.05 % or 1 ms. `processes`: how many came and went, beyond a few;
/// `doubt`: what the kernel's own counter misplaces.
void check_sum(const Observer& observer, const ScopedCgroup& group, int processes = 0,
               Nanoseconds doubt = Nanoseconds(0));

/// The same of any two numbers for one cgroup; `kernel` is what the kernel says.
void check_usage(const char* what, const std::string& path, Nanoseconds ours, Nanoseconds kernel,
                 int processes = 0, Nanoseconds doubt = Nanoseconds(0));

/// Every single window against the load's own record: within 1 ms (5 ms where the CPU is
/// emulated, beyond the load's own doubt) at the 99th percentile.
void check_windows(const Observer& observer, const std::string& path, const LoadRecord& load);
/// The same of windows that somebody else made of what the observer collected.
void check_windows(const Observer& observer, const std::string& path,
                   const std::map<WindowIndex, Nanoseconds>& windows, const LoadRecord& load);

/// Periods, throttled periods, throttled time, quota and burst against cpu.stat.
void check_bandwidth(const Observer& observer, const ScopedCgroup& group);
void check_bandwidth(const Bandwidth& ours, const ScopedCgroup& group);

}  // namespace throttlelens::test
