// SPDX-License-Identifier: Apache-2.0
#include "runtime/identities.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "bundle_files.h"
#include "claims.h"
#include "container_path.h"
#include "search.h"
#include "state_dir.h"
#include "state_discovery.h"

namespace throttlelens {
namespace {

using runtime::ContainerPath;
using runtime::Lookup;
using runtime::LookupFailure;
using runtime::Names;
using runtime::Search;
using runtime::StateDir;

using namespace std::chrono_literals;
constexpr int kLookupsAtATime = 128;
constexpr Nanoseconds kFirstRetry = 100ms;
constexpr Nanoseconds kLastRetry = 30s;
constexpr Nanoseconds kNamedRetry = 1s;
constexpr Nanoseconds kGivenUp = 10s;
constexpr std::ptrdiff_t kMostDiscovered = 16;

std::string first_of(std::string_view preferred, std::string_view other) {
  return std::string(preferred.empty() ? other : preferred);
}

ContainerIdentity from_path(const ContainerPath& path, CgroupKey parent) {
  return {.role = path.monitor ? ContainerRole::monitor : ContainerRole::application,
          .from_files = false,
          .runtime = std::string(path.runtime),
          .container_id = std::string(path.id),
          .pod_namespace = {},
          .pod = path.pod,
          .container = std::string(path.id),
          .uid = path.kubernetes ? path.pod : std::string(),
          .image = {},
          .qos = std::string(path.qos),
          .shares = std::nullopt,
          // Whoever can take a container's names as its monitor must not give them to a pod.
          .pod_cgroup = path.in_pod_cgroup && !path.monitor ? parent : CgroupKey{}};
}

ContainerIdentity with_names(ContainerIdentity identity, Names names) {
  identity.from_files = true;
  if (identity.role != ContainerRole::monitor) identity.role = names.role;
  identity.runtime = first_of(names.runtime, identity.runtime);
  identity.pod_namespace = std::move(names.pod_namespace);
  identity.pod = first_of(names.pod, identity.pod);
  identity.container = first_of(names.container, identity.container);
  identity.uid = first_of(names.uid, identity.uid);
  identity.image = std::move(names.image);
  identity.shares = names.shares;
  return identity;
}

// What has names of its own: a container, and also what watches it.
std::string claim_of(const ContainerPath& path) {
  return (path.monitor ? "monitor " : "") + std::string(path.id);
}

// The bundle of a pod's container has the uid that the kubelet gave the pod's cgroup, also of a
// static pod.
bool is_of_another_pod(const ContainerPath& path, const Lookup& lookup) {
  return path.kubernetes && lookup.names && !lookup.names->uid.empty() &&
         lookup.names->uid != path.pod;
}

bool is_gone(const StateDir& state) {
  const auto dir = runtime::open_state(state.path);
  return !dir && runtime::is_absent(dir.error());
}

enum class Told : std::uint8_t { nothing, path, some_names };

// A cgroup that may be better known one day.
struct Pending {
  std::string path;
  CgroupKey parent;
  MonoTime since;
  MonoTime due;
  Nanoseconds wait{0};
  int failures = 0;
  Told told = Told::nothing;
  bool counted = false;
  bool refused = false;  // another has the names
  bool claimed = false;  // counted, for having what is another's
};

}  // namespace

struct Identities::Impl {
  explicit Impl(IdentityOptions options) : discovery(std::move(options.proc)) {
    const auto add = [this](std::vector<std::string>& paths, StateDir::Layout layout,
                            const char* name) {
      for (std::string& path : paths) {
        states.push_back({.layout = layout, .runtime = name, .path = std::move(path)});
      }
    };
    add(options.docker, StateDir::Layout::docker, "docker");
    add(options.crio, StateDir::Layout::storage, "crio");
    add(options.containerd, StateDir::Layout::containerd, "containerd");
    add(options.podman, StateDir::Layout::storage, "podman");
  }

  void forget(CgroupKey key) {
    const auto at = pending.find(key);
    if (at == pending.end()) return;
    set_told(at->second, Told::nothing);
    queue.erase({at->second.due, key});
    pending.erase(at);
  }

  void set_told(Pending& entry, Told told) {
    if (entry.told == Told::path) --unresolved;
    if (told == Told::path) ++unresolved;
    entry.told = told;
  }

  void notice(const CgroupNode& node, MonoTime now) {
    if (!runtime::parse_container_path(node.path) && !runtime::parse_named_container(node.path)) {
      return;
    }
    forget(node.key);
    Pending fresh;
    fresh.path = node.path;
    fresh.parent = node.parent;
    fresh.since = fresh.due = now;
    pending.emplace(node.key, std::move(fresh));
    queue.emplace(now, node.key);
  }

  void look_later(CgroupKey key, Pending& entry, MonoTime now) {
    entry.wait = std::clamp(entry.wait * 2, kFirstRetry, kLastRetry);
    look_again(key, entry, now + entry.wait);
  }

  void look_again(CgroupKey key, Pending& entry, MonoTime at) {
    queue.erase({entry.due, key});
    entry.due = at;
    queue.emplace(at, key);
  }

  void discover(MonoTime now) {
    if (unresolved == 0) return;
    bool found = false;
    for (StateDir& state : discovery.step(now)) {
      const auto same = [&](const StateDir& known) {
        return known.layout == state.layout && known.path == state.path;
      };
      // One that is not there is told again when it is.
      if (std::ranges::any_of(states, same) || is_gone(state) || !has_room(state)) continue;
      states.push_back(std::move(state));
      found = true;
    }
    if (!found) return;
    for (auto& [key, entry] : pending) {
      // Who came first is first, also before those not yet looked for.
      if (entry.told == Told::path) look_again(key, entry, entry.since);
    }
  }

  bool has_room(const StateDir& fresh) {
    const auto is_full = [this] {
      return std::ranges::count(states, true, &StateDir::discovered) >= kMostDiscovered;
    };
    if (!is_full()) return true;
    std::erase_if(states, [](const StateDir& state) { return state.discovered && is_gone(state); });
    if (!is_full()) return true;
    warn({.source = "",
          .error = Error{.what = "take up another state directory",
                         .on = fresh.path,
                         .why = "processes told of " + std::to_string(kMostDiscovered) + " already",
                         .fix = "name it under runtimes"}});
    return false;
  }

  // True when it took a lookup.
  bool look(CgroupKey key, Search& search, MonoTime now) {
    Pending& entry = pending.at(key);
    if (const auto path = runtime::parse_container_path(entry.path)) {
      look_container(key, entry, *path, search, now);
      return true;
    }
    if (const auto named = runtime::parse_named_container(entry.path)) {
      return look_named(key, entry, *named, search, now);
    }
    forget(key);
    return false;
  }

  // A restarted container has the same id: who claimed it meanwhile must not be faster.
  bool is_refused(const std::string& claim, CgroupKey key, Pending& entry) {
    if (claims.is_anothers(claim, key)) {
      entry.refused = true;
      note_claim(entry, "another cgroup is that container");
    } else if (!std::exchange(entry.refused, false)) {
      return false;
    }
    entry.wait = kLastRetry;
    return true;
  }

  void look_container(CgroupKey key, Pending& entry, const ContainerPath& path, Search& search,
                      MonoTime now) {
    const std::string claim = claim_of(path);
    ContainerIdentity identity = from_path(path, entry.parent);
    const bool refused = is_refused(claim, key, entry);
    Lookup lookup = refused ? Lookup{} : search.find(path.id, path.runtime);
    if (is_of_another_pod(path, lookup)) {
      lookup = {};
      note_claim(entry, "its container is of another pod");
    } else if (!refused && !path.monitor) {
      note_failure(entry, lookup, now);
    }
    if (lookup.names) {
      claims.take(claim, key);
      // Another file may have the name, and could not be read this time.
      const bool more = lookup.failure && lookup.names->container.empty();
      if (!more || entry.told != Told::some_names) {
        tell(key, with_names(std::move(identity), std::move(*lookup.names)));
      }
      if (!more) return forget(key);
      set_told(entry, Told::some_names);
    } else if (entry.told == Told::nothing) {
      tell(key, std::move(identity));
      set_told(entry, Told::path);
    }
    look_later(key, entry, now);
  }

  bool look_named(CgroupKey key, Pending& entry, const runtime::NamedContainer& named,
                  Search& search, MonoTime now) {
    const std::string claim = std::string(named.space) + "/" + std::string(named.id);
    if (is_refused(claim, key, entry)) {
      look_later(key, entry, now);
      return true;
    }
    const bool may_be = search.has_space(named.space);
    Lookup lookup = may_be ? search.find_named(named.space, named.id) : Lookup{};
    if (lookup.names) {
      claims.take(claim, key);
      ContainerIdentity identity;
      identity.container_id = identity.container = named.id;
      tell(key, with_names(std::move(identity), std::move(*lookup.names)));
      forget(key);
    } else if (entry.wait == Nanoseconds(0)) {
      entry.wait = kNamedRetry;
      look_again(key, entry, now + entry.wait);
    } else {
      forget(key);
    }
    return may_be;
  }

  void tell(CgroupKey key, ContainerIdentity identity) {
    out.push_back(
        {.key = key, .identity = std::make_shared<const ContainerIdentity>(std::move(identity))});
  }

  // A file may be half written at the first look; what stays wrong is counted, once a container.
  void note_failure(Pending& entry, const Lookup& lookup, MonoTime now) {
    if (entry.counted || (lookup.names && !lookup.names->container.empty())) return;
    if (lookup.failure) {
      if (++entry.failures < 2) return;
      entry.counted = true;
      ++errors[lookup.failure->source];
      warn(*lookup.failure);
    } else if (!lookup.names && now - entry.since >= kGivenUp) {
      entry.counted = true;
      ++errors["none"];
    }
  }

  void note_claim(Pending& entry, const char* why) {
    if (std::exchange(entry.claimed, true)) return;
    ++errors["claimed"];
    warn({.source = "claimed",
          .error = Error{.what = "name the container of the cgroup",
                         .on = entry.path,
                         .why = why,
                         .fix = "look who made it"}});
  }

  void warn(const LookupFailure& failure) {
    if (warned.insert(failure.source + " " + failure.error.what).second) {
      warnings.push_back(failure.error);
    }
  }

  std::vector<StateDir> states;
  runtime::StateDiscovery discovery;
  runtime::Claims claims;
  std::unordered_map<CgroupKey, Pending> pending;
  // By when they are due, and then by key: ids of the kernel grow, so the older cgroup is first,
  // and has its names before another claims them.
  std::set<std::pair<MonoTime, CgroupKey>> queue;
  std::size_t unresolved = 0;  // of those pending, told from their path
  std::vector<Identified> out;
  std::map<std::string, std::uint64_t> errors;
  std::set<std::string> warned;
  std::vector<Error> warnings;
};

Identities::Identities(IdentityOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

Identities::~Identities() = default;

std::vector<Identified> Identities::update(const TreeChanges& changes, MonoTime now) {
  Impl& own = *impl_;
  for (const CgroupKey key : changes.gone) {
    own.forget(key);
    own.claims.release(key);
  }
  for (const CgroupNode& node : changes.appeared) own.notice(node, now);
  own.discover(now);
  std::optional<Search> search;
  for (int lookups = 0; lookups < kLookupsAtATime && !own.queue.empty();) {
    const auto [due, key] = *own.queue.begin();
    if (due > now) break;
    if (!search) search.emplace(own.states);
    if (own.look(key, *search, now)) ++lookups;
  }
  if (search) {
    for (const LookupFailure& failure : search->closed()) own.warn(failure);
    for (const LookupFailure& failure : search->cut()) own.warn(failure);
  }
  return std::exchange(own.out, {});
}

std::vector<MetadataErrors> Identities::errors() const {
  std::vector<MetadataErrors> out;
  for (const auto& [source, count] : impl_->errors) {
    out.push_back({.source = source, .count = count});
  }
  return out;
}

std::vector<Error> Identities::take_warnings() {
  return std::exchange(impl_->warnings, {});
}

}  // namespace throttlelens
