// SPDX-License-Identifier: Apache-2.0
// The page at /: what this is, how it measures, and where to go on.
#pragma once

#include <string>

#include "export/metrics.h"
#include "model/snapshot.h"

namespace throttlelens {

inline constexpr const char* kIndexContentType = "text/html; charset=utf-8";

/// `snapshot` may be null: nothing measured yet.
std::string render_index(const Snapshot* snapshot, const BuildInfo& build);

}  // namespace throttlelens
