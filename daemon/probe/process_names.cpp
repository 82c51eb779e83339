// SPDX-License-Identifier: Apache-2.0
#include "process_names.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace throttlelens {

namespace {

constexpr std::array<ProcessName, 23> kNames{{
    // containerd-shim, containerd-shim-runc-v2, containerd-shim-kata-v2: all are cut to this.
    {.comm = "containerd-shim", .prefix = true, .kind = ProcessKind::shim},
    {.comm = "conmon", .kind = ProcessKind::monitor},
    {.comm = "conmonrs", .kind = ProcessKind::monitor},
    {.comm = "runc", .kind = ProcessKind::helper},
    {.comm = "crun", .kind = ProcessKind::helper},
    {.comm = "youki", .kind = ProcessKind::helper},
    {.comm = "runsc", .kind = ProcessKind::helper},
    {.comm = "kubelet", .kind = ProcessKind::service},
    {.comm = "kube-proxy", .kind = ProcessKind::service},
    {.comm = "containerd", .kind = ProcessKind::service},
    {.comm = "crio", .kind = ProcessKind::service},
    {.comm = "dockerd", .kind = ProcessKind::service},
    {.comm = "cri-dockerd", .kind = ProcessKind::service},
    {.comm = "throttlelens", .kind = ProcessKind::service},
    // Distributions that hold several of them in one process. k3s executes itself as k3s-server or
    // k3s-agent; MicroK8s has kubelite.
    {.comm = "k3s", .kind = ProcessKind::service},
    {.comm = "k3s-init", .kind = ProcessKind::service},
    {.comm = "k3s-server", .kind = ProcessKind::service},
    {.comm = "k3s-agent", .kind = ProcessKind::service},
    {.comm = "k0s", .kind = ProcessKind::service},
    {.comm = "rke2", .kind = ProcessKind::service},
    {.comm = "rke2-server", .kind = ProcessKind::service},
    {.comm = "rke2-agent", .kind = ProcessKind::service},
    {.comm = "kubelite", .kind = ProcessKind::service},
}};

constexpr std::size_t kCommLength = 15;
static_assert(std::ranges::all_of(kNames, [](const ProcessName& name) {
  return !name.comm.empty() && name.comm.size() <= kCommLength;
}));

}  // namespace

std::span<const ProcessName> process_names() {
  return kNames;
}

std::optional<ProcessKind> kind_of_program(std::string_view comm) {
  const auto found = std::ranges::find_if(kNames, [&](const ProcessName& name) {
    return name.prefix ? comm.starts_with(name.comm) : comm == name.comm;
  });
  return found == kNames.end() ? std::nullopt : std::optional(found->kind);
}

}  // namespace throttlelens
