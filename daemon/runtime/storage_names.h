// SPDX-License-Identifier: Apache-2.0
// Podman writes the name of a container into no file of the bundle; the list that its storage
// library keeps has it, and no secrets. Pure.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace throttlelens::runtime {

/// The names by id of a containers.json; adds to what is there. What cannot be understood is
/// passed over.
void read_storage_names(std::string_view text, std::unordered_map<std::string, std::string>& names);

}  // namespace throttlelens::runtime
