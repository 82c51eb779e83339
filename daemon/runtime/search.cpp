// SPDX-License-Identifier: Apache-2.0
#include "search.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "bundle.h"
#include "bundle_files.h"
#include "docker_config.h"

namespace throttlelens::runtime {
namespace {

constexpr std::string_view kMoby = "moby";  // where Docker keeps its containers in containerd
constexpr std::size_t kMostPlaces = 256;    // each is an open descriptor, and asked in vain

Error explain(Error error, const std::string& below) {
  error.on = error.on.empty() ? below : below + "/" + error.on;
  if (error.code == EACCES || error.code == EPERM) {
    error.fix = "run it as root, or with CAP_DAC_READ_SEARCH";
  }
  return error;
}

// The text, or nothing with `out` saying why unless there is no such file.
std::optional<WipedText> read_file(int dir, const std::string& path, const std::string& runtime,
                                   const std::vector<std::string_view>& names, Lookup& out) {
  auto text = read_below(dir, names);
  if (text) return std::move(*text);
  if (!is_absent(text.error()) && !out.failure) {
    out.failure = LookupFailure{.source = runtime, .error = explain(std::move(text.error()), path)};
  }
  return std::nullopt;
}

void not_understood(Lookup& out, const std::string& runtime, const std::string& path) {
  if (out.failure) return;
  out.failure = LookupFailure{
      .source = runtime,
      .error =
          Error{.what = "understand", .on = path, .why = "it is not the JSON object it should be"}};
}

std::string join(const std::string& path, std::initializer_list<std::string_view> names) {
  std::string out = path;
  for (const std::string_view name : names) (out += '/') += name;
  return out;
}

}  // namespace

Search::Search(const std::vector<StateDir>& dirs) {
  // Docker's own file knows more than the bundle that containerd has of the same container.
  using enum StateDir::Layout;
  for (const bool discovered : {false, true}) {
    for (const StateDir::Layout layout : {docker, storage, containerd}) {
      for (const StateDir& state : dirs) {
        if (state.discovered == discovered && state.layout == layout) open_places(state);
      }
    }
  }
}

bool Search::is_full(const StateDir& state) {
  if (places_.size() < kMostPlaces) return false;
  cut_.push_back({.source = "",
                  .error = Error{.what = "look into all state directories",
                                 .on = state.path,
                                 .why = "the runtimes have more than " +
                                        std::to_string(kMostPlaces) + " directories of containers",
                                 .fix = "name those in use under runtimes"}});
  return true;
}

void Search::open_places(const StateDir& state) {
  // CRI-O and Podman share a directory; whose a container is, is written in its bundle.
  const auto same = [&](const Place& place) {
    return place.state->layout == state.layout && place.state->path == state.path;
  };
  if (std::ranges::any_of(places_, same) || is_full(state)) return;
  auto top = open_state(state.path);
  if (!top) {
    add_place(state, std::move(top), state.path, "");
    return;
  }
  const auto open_sub = [&](std::string_view name) { return open_below(top->get(), name); };
  switch (state.layout) {
    case StateDir::Layout::docker:
      add_place(state, open_sub("containers"), state.path, "");
      return;
    case StateDir::Layout::storage:
      add_place(state, open_sub("overlay-containers"), state.path, "");
      return;
    case StateDir::Layout::containerd:
      constexpr std::string_view kTasks = "io.containerd.runtime.v2.task";
      auto tasks = open_sub(kTasks);
      if (tasks) {
        open_spaces(state, std::move(*tasks), join(state.path, {kTasks}));
      } else {
        add_place(state, std::move(tasks), state.path, "");
      }
      return;
  }
}

void Search::open_spaces(const StateDir& state, UniqueFd tasks, const std::string& path) {
  // By name, for a listing that is cut may not have them.
  constexpr std::array kFirst{std::string_view("k8s.io"), kMoby};
  for (const std::string_view space : kFirst) {
    if (is_full(state)) return;
    add_place(state, open_below(tasks.get(), space), path, std::string(space));
  }
  auto spaces = list_below(tasks.get());
  if (!spaces) {
    add_place(state, std::unexpected(std::move(spaces.error())), path, "");
    return;
  }
  if (spaces->cut) {
    cut_.push_back({.source = state.runtime,
                    .error = Error{.what = "look into all namespaces of containerd",
                                   .on = path,
                                   .why = "there are more than 64, or 1,024 entries"}});
  }
  for (const std::string& space : spaces->names) {
    if (std::ranges::find(kFirst, space) != kFirst.end()) continue;
    if (is_full(state)) return;
    add_place(state, open_below(tasks.get(), space), path, space);
  }
}

void Search::add_place(const StateDir& state, Result<UniqueFd> fd, std::string path,
                       std::string space) {
  if (!fd) {
    if (is_absent(fd.error())) return;
    closed_.push_back({.source = state.runtime, .error = explain(std::move(fd.error()), path)});
    return;
  }
  if (state.layout == StateDir::Layout::docker) path += "/containers";
  if (state.layout == StateDir::Layout::storage) path += "/overlay-containers";
  if (!space.empty()) path += "/" + space;
  Place place;
  place.state = &state;
  place.fd = std::move(*fd);
  place.path = std::move(path);
  place.space = std::move(space);
  places_.push_back(std::move(place));
}

Lookup Search::find(std::string_view id, std::string_view runtime) {
  Lookup out;
  const auto turn_of = [&](const Place& place) {
    return (place.state->discovered ? 2 : 0) + (place.state->runtime == runtime ? 0 : 1);
  };
  for (int turn = 0; turn < 4; ++turn) {
    for (Place& place : places_) {
      if (turn_of(place) != turn) continue;
      if (place.state->discovered && out.failure) return out;
      look(place, id, out);
      if (out.names) return out;
    }
  }
  if (out.failure) return out;
  const auto closed = std::ranges::find_if(closed_, [&](const LookupFailure& failure) {
    return runtime.empty() || failure.source == runtime;
  });
  if (closed != closed_.end()) out.failure = *closed;
  return out;
}

Lookup Search::find_named(std::string_view space, std::string_view id) {
  Lookup out;
  for (Place& place : places_) {
    if (place.space != space || place.space.empty()) continue;
    if (place.state->discovered && out.failure) return out;
    look(place, id, out);
    if (out.names) return out;
  }
  return out;
}

bool Search::has_space(std::string_view space) const {
  return !space.empty() && std::ranges::find(places_, space, &Place::space) != places_.end();
}

void Search::look(Place& place, std::string_view id, Lookup& out) {
  switch (place.state->layout) {
    case StateDir::Layout::docker:
      read_docker(place, id, out);
      return;
    case StateDir::Layout::storage:
      read_storage(place, id, out);
      return;
    case StateDir::Layout::containerd:
      read_containerd(place, id, out);
      return;
  }
}

void Search::read_docker(const Place& place, std::string_view id, Lookup& out) {
  const std::string& runtime = place.state->runtime;
  {
    const auto text = read_file(place.fd.get(), place.path, runtime, {id, "config.v2.json"}, out);
    if (!text) return;
    out.names = parse_docker_config(text->view());
  }
  if (!out.names) {
    not_understood(out, runtime, join(place.path, {id, "config.v2.json"}));
    return;
  }
  const auto host = read_below(place.fd.get(), {id, "hostconfig.json"});
  if (host) out.names->shares = parse_docker_shares(host->view());
}

void Search::read_containerd(const Place& place, std::string_view id, Lookup& out) {
  const bool moby = place.space == kMoby;
  const std::string runtime = moby ? "docker" : place.state->runtime;
  const auto text = read_file(place.fd.get(), place.path, runtime, {id, "config.json"}, out);
  if (!text) return;
  out.names = parse_bundle(text->view());
  if (!out.names) {
    not_understood(out, runtime, join(place.path, {id, "config.json"}));
    return;
  }
  out.names->runtime = runtime;
  if (!moby || out.failure) return;
  out.failure =
      LookupFailure{.source = runtime,
                    .error = Error{.what = "find the names of Docker's containers",
                                   .on = "",
                                   .why = "only containerd's files of them are to be seen",
                                   .fix = "name Docker's data-root in runtimes.docker"}};
}

void Search::read_storage(Place& place, std::string_view id, Lookup& out) {
  const std::string& runtime = place.state->runtime;
  {
    const auto text =
        read_file(place.fd.get(), place.path, runtime, {id, "userdata", "config.json"}, out);
    if (!text) return;
    out.names = parse_bundle(text->view());
  }
  if (!out.names) {
    not_understood(out, runtime, join(place.path, {id, "userdata", "config.json"}));
    return;
  }
  if (out.names->runtime.empty()) out.names->runtime = runtime;
  if (out.names->runtime != "podman" || !out.names->container.empty()) return;
  const StorageNames& own = podman_names(place, id);
  out.names->container = own.container;
  out.names->image = own.image;
  if (own.container.empty() && !out.failure) out.failure = place.names_failure;
}

const StorageNames& Search::podman_names(Place& place, std::string_view id) {
  if (!place.names) {
    place.names.emplace();
    // The second has those that do not outlive a reboot, as of `podman run --rm`.
    for (const std::string_view list : {"containers.json", "volatile-containers.json"}) {
      Lookup lookup;
      const auto text = read_file(place.fd.get(), place.path, "podman", {list}, lookup);
      if (text && !read_storage_names(text->view(), *place.names)) {
        not_understood(lookup, "podman", join(place.path, {list}));
      }
      if (lookup.failure) place.names_failure = std::move(lookup.failure);
    }
  }
  return (*place.names)[std::string(id)];
}

}  // namespace throttlelens::runtime
