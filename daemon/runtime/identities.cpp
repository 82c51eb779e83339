// SPDX-License-Identifier: Apache-2.0
#include "runtime/identities.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

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
constexpr std::size_t kMostStateDirs = 64;

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
          .pod_cgroup = path.in_pod_cgroup ? parent : CgroupKey{}};
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

// A cgroup that may be better known one day.
struct Pending {
  std::string path;
  CgroupKey parent;
  MonoTime since;
  MonoTime due;
  Nanoseconds wait{0};
  int failures = 0;
  bool told = false;
  bool counted = false;
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
    if (at->second.told) --unresolved;
    queue.erase({at->second.due, key});
    pending.erase(at);
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
      if (states.size() >= kMostStateDirs || std::ranges::any_of(states, same)) continue;
      states.push_back(std::move(state));
      found = true;
    }
    if (!found) return;
    for (auto& [key, entry] : pending) {
      if (entry.told) look_again(key, entry, now);
    }
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

  void look_container(CgroupKey key, Pending& entry, const ContainerPath& path, Search& search,
                      MonoTime now) {
    Lookup lookup = search.find(path.id, path.runtime);
    ContainerIdentity identity = from_path(path, entry.parent);
    if (!path.monitor) note_failure(entry, lookup, now);
    if (lookup.names) {
      tell(key, with_names(std::move(identity), std::move(*lookup.names)));
      forget(key);
      return;
    }
    if (!entry.told) {
      tell(key, std::move(identity));
      entry.told = true;
      ++unresolved;
    }
    entry.wait = std::clamp(entry.wait * 2, kFirstRetry, kLastRetry);
    look_again(key, entry, now + entry.wait);
  }

  bool look_named(CgroupKey key, Pending& entry, const runtime::NamedContainer& named,
                  Search& search, MonoTime now) {
    const bool may_be = search.has_space(named.space);
    Lookup lookup = may_be ? search.find_named(named.space, named.id) : Lookup{};
    if (lookup.names) {
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
      if (!lookup.names && ++entry.failures < 2) return;
      entry.counted = true;
      ++errors[lookup.failure->source];
      warn(*lookup.failure);
    } else if (!lookup.names && now - entry.since >= kGivenUp) {
      entry.counted = true;
      ++errors["none"];
    }
  }

  void warn(const LookupFailure& failure) {
    if (warned.insert(failure.source + " " + failure.error.what).second) {
      warnings.push_back(failure.error);
    }
  }

  std::vector<StateDir> states;
  runtime::StateDiscovery discovery;
  std::unordered_map<CgroupKey, Pending> pending;
  std::set<std::pair<MonoTime, CgroupKey>> queue;  // by when they are due
  std::size_t unresolved = 0;                      // of those pending, told from their path
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
  for (const CgroupKey key : changes.gone) own.forget(key);
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
