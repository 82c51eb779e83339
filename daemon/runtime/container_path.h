// SPDX-License-Identifier: Apache-2.0
// What the path of a cgroup says about a container. Pure. Paths are bytes that others chose.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace throttlelens::runtime {

/// All views are into the path, or constants.
struct ContainerPath {
  std::string_view id;       ///< 64 hexadecimal digits
  std::string_view runtime;  ///< as in ContainerIdentity; empty: any
  bool monitor = false;      ///< the cgroup of the conmon that watches the container
  std::string pod;           ///< Kubernetes: the uid; Podman: the pod's id; empty outside of a pod
  bool kubernetes = false;
  std::string_view qos;        ///< as in ContainerIdentity
  bool in_pod_cgroup = false;  ///< the parent is the pod's own cgroup
};

/// A path is a container's when its last component names the id: what is below is part of it.
std::optional<ContainerPath> parse_container_path(std::string_view path);

/// Where `ctr run … web` puts a container unless told otherwise: /<namespace>/<id>. Any two
/// components look like that, so it takes a bundle to make it one.
struct NamedContainer {
  std::string_view space;
  std::string_view id;
};
std::optional<NamedContainer> parse_named_container(std::string_view path);

/// May be looked up as a name below a state directory: letters, digits, "_", "-" and ".", at most
/// 255, not "." or "..".
bool is_safe_name(std::string_view name);

}  // namespace throttlelens::runtime
