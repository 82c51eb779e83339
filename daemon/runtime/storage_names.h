// SPDX-License-Identifier: Apache-2.0
// Podman writes the names of a container and its image into no file of the bundle; the list that
// its storage library keeps has them, and no secrets. Pure.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace throttlelens::runtime {

struct StorageNames {
  std::string container;
  std::string image;
};

/// The entries of a containers.json by id; adds to what is there. False when it is no list; an
/// entry that cannot be understood is passed over.
bool read_storage_names(std::string_view text,
                        std::unordered_map<std::string, StorageNames>& names);

}  // namespace throttlelens::runtime
