// SPDX-License-Identifier: Apache-2.0
// The config.json of an OCI bundle, as containerd, CRI-O, Podman and nerdctl write it. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "names.h"

namespace throttlelens::runtime {

/// Absent when it cannot be understood. Looks at the annotations by name and at
/// linux.resources.cpu.shares, and at nothing else.
std::optional<Names> parse_bundle(std::string_view text);

}  // namespace throttlelens::runtime
