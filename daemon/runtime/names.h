// SPDX-License-Identifier: Apache-2.0
// What the files of a runtime say about one container. What they do not say is empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "model/container.h"

namespace throttlelens::runtime {

struct Names {
  std::string runtime;  ///< as in ContainerIdentity; empty: any that keeps such files
  ContainerRole role = ContainerRole::application;
  std::string pod_namespace;
  std::string pod;
  std::string uid;
  std::string container;
  std::string image;
  std::optional<std::uint64_t> shares;
};

/// Files are refused from here on; the largest bundles seen have some 100 KB.
inline constexpr std::size_t kLargestFile = std::size_t{4} * 1024 * 1024;
/// A longer text is nobody's name, and taken as not known.
inline constexpr std::size_t kLongestText = 4096;

}  // namespace throttlelens::runtime
