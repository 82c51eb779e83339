// SPDX-License-Identifier: Apache-2.0
// The CPU request behind a weight. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "model/cgroup.h"
#include "model/snapshot.h"

namespace throttlelens::accounts {

/// How shares (v1) become a cpu.weight (v2).
enum class WeightMapping {
  linear,  ///< 1 + (shares - 2) * 9999 / 262142: runc before 1.3.2, crun before 1.23
  log,     ///< ceil(10^((l² + 125 l) / 612 - 7/34)), l = log2(shares): since then
};
std::uint64_t weight_of(std::uint64_t shares, WeightMapping mapping);
/// The mapping that makes this weight of these shares; absent when none or both do, and for the
/// weight every cgroup begins with.
std::optional<WeightMapping> mapping_of(std::uint64_t shares, std::uint64_t weight);

struct RequestInput {
  std::optional<std::uint64_t> shares;  ///< as the bundle asks for; 0 means unset
  std::optional<CpuWeight> weight;      ///< as the kernel has it now
  bool kubernetes = false;              ///< the kubelet always sets a weight
  std::optional<WeightMapping> mapping =
      std::nullopt;  ///< of the node, as far as known; absent: either
};
/// Absent when nothing was requested: 2 shares, the least there are, is what Kubernetes sets then.
std::optional<CpuRequest> request_of(const RequestInput& input);

}  // namespace throttlelens::accounts
