// SPDX-License-Identifier: Apache-2.0
// One round of looking containers up: the state directories are opened anew for it, so a runtime
// that was started or moved since is no special case, and kept open until it ends.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"
#include "names.h"
#include "state_dir.h"
#include "storage_names.h"

namespace throttlelens::runtime {

struct LookupFailure {
  std::string source;  ///< the runtime
  Error error;
};

struct Lookup {
  std::optional<Names> names;
  std::optional<LookupFailure> failure;  ///< what kept us from knowing more; may be beside names
};

class Search {
 public:
  explicit Search(const std::vector<StateDir>& dirs);

  /// Configured directories before discovered ones, and of each those of `runtime` first. A
  /// discovered one is not asked about what a configured one has and cannot read.
  Lookup find(std::string_view id, std::string_view runtime);
  /// A container of one namespace of containerd.
  Lookup find_named(std::string_view space, std::string_view id);
  bool has_space(std::string_view space) const;

  /// State directories that are there and cannot be opened.
  const std::vector<LookupFailure>& closed() const { return closed_; }
  /// Where there is more than is looked at.
  const std::vector<LookupFailure>& cut() const { return cut_; }

 private:
  // A directory that has one directory for each container.
  struct Place {
    const StateDir* state = nullptr;
    UniqueFd fd;
    std::string path;
    std::string space;                                                   // of containerd
    std::optional<std::unordered_map<std::string, StorageNames>> names;  // of Podman
    std::optional<LookupFailure> names_failure;
  };
  void open_places(const StateDir& state);
  void open_spaces(const StateDir& state, UniqueFd tasks, const std::string& path);
  bool is_full(const StateDir& state);
  void add_place(const StateDir& state, Result<UniqueFd> fd, std::string path, std::string space);
  void look(Place& place, std::string_view id, Lookup& out);
  static void read_docker(const Place& place, std::string_view id, Lookup& out);
  void read_storage(Place& place, std::string_view id, Lookup& out);
  static void read_containerd(const Place& place, std::string_view id, Lookup& out);
  static const StorageNames& podman_names(Place& place, std::string_view id);

  std::vector<Place> places_;
  std::vector<LookupFailure> closed_;
  std::vector<LookupFailure> cut_;
};

}  // namespace throttlelens::runtime
