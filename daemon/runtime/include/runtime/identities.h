// SPDX-License-Identifier: Apache-2.0
// Gives cgroups the names of containers and pods, from the files the runtimes keep and from paths.
// Needs no socket, no API server and no permission but reading the state directories. Of a bundle
// only the annotations and linux.resources are looked at; everything else in it may be secret.
// For one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "model/cgroup.h"
#include "model/container.h"
#include "model/snapshot.h"

namespace throttlelens {

/// State directories, as in the configuration; one that does not exist (yet) is no error.
struct IdentityOptions {
  std::vector<std::string> containerd;
  std::vector<std::string> crio;
  std::vector<std::string> docker;
  std::vector<std::string> podman;
  std::string proc = "/proc";  ///< shims and conmon tell of state directories not listed
};

class Identities {
 public:
  explicit Identities(IdentityOptions options);
  ~Identities();
  Identities(const Identities&) = delete;
  Identities& operator=(const Identities&) = delete;

  /// To be called with every change of the cgroup tree, and ten times a second without one.
  /// Containers newly known, and those whose names became better known since. One whose files are
  /// not to be found is told from its path at once and looked for again, less and less often.
  std::vector<Identified> update(const TreeChanges& changes, MonoTime now);
  /// Since the start, one per source that had any, in order. "claimed": cgroups named after the
  /// container of another.
  std::vector<MetadataErrors> errors() const;
  /// What a person should know (a bundle that cannot be understood, a state directory without
  /// permission); each is told once.
  std::vector<Error> take_warnings();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace throttlelens
