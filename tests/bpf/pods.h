// SPDX-License-Identifier: Apache-2.0
// What runtimes leave behind of a container: cgroups with their names, and files that say whose
// they are.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "scoped_cgroup.h"

namespace throttlelens::test {

/// 64 hexadecimal digits, another one for every number.
std::string container_id(std::uint64_t number);
/// A pod's uid as the API server makes them.
std::string pod_uid(std::uint64_t number);
/// The uid as systemd's unit names have it.
std::string unit_uid(std::string uid);

/// A cgroup of our own and what was made below it.
class CgroupForest {
 public:
  const std::string& path() const { return top_.path(); }
  /// The cgroup at this path below; made, with all above it, when it is not there.
  ScopedCgroup& at(const std::string& below);

 private:
  ScopedCgroup top_;
  std::map<std::string, ScopedCgroup> made_;
};

struct Described {
  std::string pod_namespace;
  std::string pod;
  std::string uid;
  std::string container;  ///< empty: the pod's sandbox
  std::uint64_t shares = 2;
};
/// config.json of containerd's CRI.
std::string containerd_bundle(const Described& what);
/// config.json of CRI-O.
std::string crio_bundle(const Described& what);
/// config.json of Podman, which has no names.
std::string podman_bundle(std::uint64_t shares);
/// config.v2.json of Docker: of cri-dockerd with a pod, else of `docker run --name`.
std::string docker_config(const Described& what);

/// A process asleep in a cgroup, until told to burn CPU time. It is moved while it sleeps: what a
/// thread ran since the last tick, v2 charges to the cgroup it comes to and we to the one it left.
class Resident {
 public:
  Resident();  ///< asleep, and at home in no cgroup yet
  void move_to(ScopedCgroup& group) { group.add_process(child_.pid()); }
  void burn(Nanoseconds cpu_time) { child_.burn(cpu_time); }
  void start_burning(Nanoseconds cpu_time) { child_.start_burning(cpu_time); }
  void wait_burnt() { child_.wait_burnt(); }

 private:
  ScopedChild child_;
};

}  // namespace throttlelens::test
