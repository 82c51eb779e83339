// SPDX-License-Identifier: Apache-2.0
// Who a cgroup is: the container and pod that the runtime's files and the cgroup's path name.
// All texts are bytes that others chose.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "model/cgroup.h"

namespace throttlelens {

enum class ContainerRole {
  application,  ///< what somebody asked to run; init and sidecar containers too
  sandbox,      ///< the pause container that holds a pod's namespaces
  monitor,      ///< conmon, which watches one container of CRI-O or Podman
};

struct ContainerIdentity {
  ContainerRole role = ContainerRole::application;
  bool from_files = false;    ///< false: only the path is known, names below are ids
  std::string runtime;        ///< "containerd", "crio", "docker" or "podman"; empty: not known
  std::string container_id;   ///< 64 hexadecimal digits, or the name `ctr run` was given
  std::string pod_namespace;  ///< of Kubernetes; empty outside of it, or when not known
  std::string pod;            ///< name, or the uid when not known; empty outside of a pod
  std::string container;      ///< name, or the id when not known; never empty
  std::string uid;            ///< of the pod; empty outside of Kubernetes
  std::string image;          ///< as asked for; empty when not known
  std::string qos;  ///< "guaranteed", "burstable", "besteffort"; empty when the path has none
  /// linux.resources.cpu.shares of the bundle: the request as it was when the container was made.
  std::optional<std::uint64_t> shares;
  CgroupKey pod_cgroup;  ///< the pod's own cgroup; id 0 when the path has none

  friend bool operator==(const ContainerIdentity&, const ContainerIdentity&) = default;
};

struct Identified {
  CgroupKey key;
  std::shared_ptr<const ContainerIdentity> identity;  ///< never null
};

}  // namespace throttlelens
