// SPDX-License-Identifier: Apache-2.0
// The numbers of one row as JSON, the same ones that metrics show, in the same units.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "model/snapshot.h"

namespace throttlelens {

// What is not known gets no key: never 0, never null.
void put(nlohmann::ordered_json& to, const char* key, std::optional<double> value);
void put(nlohmann::ordered_json& to, const char* key, std::optional<Nanoseconds> value);  ///< s
void put(nlohmann::ordered_json& to, const char* key, std::optional<std::uint64_t> value);
/// Nothing for an empty one; `text` must be valid UTF-8.
void put(nlohmann::ordered_json& to, const char* key, std::string_view text);

/// Limit, request, use, throttling, why, waits and windows. `request`: CPU request in cores.
void put_numbers(nlohmann::ordered_json& to, const CgroupRow& row, std::optional<double> request);

}  // namespace throttlelens
