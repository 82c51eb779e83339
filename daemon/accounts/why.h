// SPDX-License-Identifier: Apache-2.0
// What keeps a cgroup from running, as one word. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/units.h"
#include "model/snapshot.h"

namespace throttlelens::accounts {

/// All of one window.
struct WhyInput {
  WindowValue window;                    ///< of the cgroup
  Standing standing = Standing::cgroup;  ///< whose quota a level means
  /// The cgroup above has the same limit, as the pod of a single container has: whichever of the
  /// two runs out first, it is the one that somebody set.
  bool same_limit_above = false;
  std::optional<Nanoseconds> node_busy;  ///< CPU time of the whole node; absent: not known
  std::uint32_t cpus_online = 0;         ///< 0: not known
};

/// Absent when the window's use or waits are not known.
///
/// What the threads wanted is what they ran and waited: use + throttle + contention.
/// - Throttling matters once the cgroup was throttled on the clock for 1 % of the window, however
///   much ran: then somebody's request has met it. Below that from 5 % of what was wanted on, if it
///   was throttled for 0.1 % of the window at least: of an almost idle cgroup the smallest wait is
///   a large share. Waits of cgroups below for quota of their own throttle nothing here: those rows
///   tell them.
/// - Contention matters from 10 % of it on if it is 0.5 % of the length as well: some is normal on
///   any machine that is used.
/// The larger one of those that matter is the reason; throttling if they are equal. Contention is
/// `own_threads` when all others used less than 10 % of the node's CPUs, else `neighbours`, also
/// when what they used is not known. Cpusets are not known: neighbours that share the few CPUs a
/// cgroup may use can be less than 10 % of the node's, and its own threads are blamed for them.
std::optional<Why> why_of(const WhyInput& input);

}  // namespace throttlelens::accounts
