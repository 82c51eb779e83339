// SPDX-License-Identifier: Apache-2.0
// A report as people read it: millicores, percent, MiB, short durations. Printable ASCII only.
#pragma once

#include <cstddef>
#include <string>

#include "model/snapshot.h"
#include "report.h"

namespace throttlelens {

/// A line for each pod, each container outside of pods, and each cgroup that neither holds
/// containers nor is part of one; no line is wider than `width`, which the lesser columns make way
/// for.
std::string render_table(const Snapshot& snapshot, const Report& report, std::size_t width);

/// All columns, a pod's containers below it, sums of namespaces, and where each number comes from.
std::string render_wide_table(const Snapshot& snapshot, const Report& report);

}  // namespace throttlelens
