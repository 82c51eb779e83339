// SPDX-License-Identifier: Apache-2.0
// The two files Docker keeps about a container, also under cri-dockerd. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "names.h"

namespace throttlelens::runtime {

/// config.v2.json, without the shares. Absent when it cannot be understood. Config.Env is passed
/// over.
std::optional<Names> parse_docker_config(std::string_view text);

/// CpuShares of hostconfig.json; absent when there are none, or it cannot be understood.
std::optional<std::uint64_t> parse_docker_shares(std::string_view text);

}  // namespace throttlelens::runtime
