// SPDX-License-Identifier: Apache-2.0
// What it costs to run pods, beside what runs in them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"

namespace throttlelens {

enum class OverheadComponent : std::uint8_t {
  shim,    ///< containerd-shim, all its threads; the one that stays, those that start and delete
  runc,    ///< runc, crun and what else a shim or conmon starts, until it joins the container
  pause,   ///< the sandbox container that holds the pod's namespaces
  conmon,  ///< of CRI-O and Podman
};
inline constexpr std::size_t kOverheadComponents = 4;
/// As in labels, in the order of OverheadComponent.
inline constexpr std::array<std::string_view, kOverheadComponents> kOverheadNames{
    "shim", "runc", "pause", "conmon"};

struct OverheadPart {
  /// Absent: the pod has no such component, or the tier cannot know.
  std::optional<Nanoseconds> cpu;
  /// Private_Clean + Private_Dirty of smaps_rollup, in bytes, of the processes that are there now.
  /// Absent: none is there, not read yet, or not permitted.
  std::optional<std::uint64_t> private_memory;
  friend bool operator==(const OverheadPart&, const OverheadPart&) = default;
};
using OverheadParts = std::array<OverheadPart, kOverheadComponents>;

/// Of all components together. Absent until each one that uses CPU has been read: a pause container
/// without its shim would pass for a pod that costs nothing. A runc does not live to be read.
constexpr std::optional<std::uint64_t> private_memory(const OverheadParts& parts) {
  std::optional<std::uint64_t> sum;
  for (std::size_t i = 0; i < kOverheadComponents; ++i) {
    const auto& [cpu, memory] = parts[i];
    if (memory) {
      sum = sum.value_or(0) + *memory;
    } else if (cpu && static_cast<OverheadComponent>(i) != OverheadComponent::runc) {
      return std::nullopt;
    }
  }
  return sum;
}

/// Of a pod, or of a container outside of pods. CPU counters go on when a pod of the same name
/// takes its place.
struct OverheadRow {
  std::string pod_namespace;  ///< empty outside of Kubernetes
  std::string pod;            ///< empty outside of pods
  std::string container;      ///< empty in a pod
  std::uint64_t id = 0;       ///< as CgroupRow::id
  bool alive = true;          ///< false once all its processes are gone
  OverheadParts parts;
};

/// A service of the node: all processes of that name outside of containers (kube-proxy: in its
/// container too).
struct ServiceRow {
  std::string
      name;  ///< "kubelet", "containerd", "crio", "dockerd", "kube-proxy", "throttlelens", ...
  std::optional<Nanoseconds>
      cpu;  ///< since throttlelens watches, and of those that were there their past
  std::optional<std::uint64_t> private_memory;  ///< as OverheadPart::private_memory
};

struct OverheadReading {
  std::vector<OverheadRow>
      rows;  ///< of pause only the memory; ids are not set yet; by namespace, pod, container
  /// All there ever was since throttlelens watches: pods that are gone, and processes whose pod
  /// never became known. CPU only.
  std::array<std::optional<Nanoseconds>, kOverheadComponents> node{};
  std::vector<ServiceRow> services;             ///< by name
  std::optional<std::uint64_t> lost_processes;  ///< as ProcessBatch::lost
};

}  // namespace throttlelens
