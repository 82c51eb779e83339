// SPDX-License-Identifier: Apache-2.0
// The files a CPU limit is written in: cpu.max or the cfs_* ones.
#pragma once

#include "base/error.h"
#include "files.h"
#include "nodes.h"

namespace throttlelens {

/// Fills the node's limit; one without such files has no bandwidth control, which is no error.
Result<void> read_limit(Nodes& nodes, Files& files, Node& node, bool v2);

}  // namespace throttlelens
