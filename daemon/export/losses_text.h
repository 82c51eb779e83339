// SPDX-License-Identifier: Apache-2.0
// What the numbers of a snapshot are missing, as people read it.
#pragma once

#include <string>

#include "model/snapshot.h"

namespace throttlelens {

/// "lost 1 switch, missed 2 windows; not bpf: ..."; empty if nothing is missing. Printable ASCII.
std::string losses_text(const Snapshot& snapshot);

}  // namespace throttlelens
