// SPDX-License-Identifier: Apache-2.0
// What a container's or sandbox's shim, conmon and runc have used, by the id they serve, and the
// rows these add up in: pods, and containers outside of pods.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/units.h"
#include "model/cgroup.h"
#include "model/container.h"
#include "model/overhead.h"
#include "model/process.h"

namespace throttlelens::overhead {

using ComponentTimes = std::array<std::optional<Nanoseconds>, kOverheadComponents>;

/// As in OverheadRow.
struct RowName {
  std::string pod_namespace;
  std::string pod;
  std::string container;
  friend auto operator<=>(const RowName&, const RowName&) = default;
};

class Owners {
 public:
  void identify(const Identified& identified, MonoTime now);
  /// The directory is gone. Its name stays for `keep`, and as long as its id has processes or time.
  void leave(CgroupKey key, MonoTime now);

  void begin(const std::string& id, const ProcessKey& key, OverheadComponent component);
  void end(const std::string& id, const ProcessKey& key, MonoTime now);
  void add(const std::string& id, OverheadComponent component, Nanoseconds more, MonoTime now);
  /// Absent: not known any more.
  void set_memory(const std::string& id, const ProcessKey& key, std::optional<std::uint64_t> bytes);
  void set_pause_memory(CgroupKey sandbox, std::optional<std::uint64_t> bytes);

  /// Ends what has been without processes for `keep`.
  void expire(MonoTime now, Nanoseconds keep);
  std::vector<OverheadRow> rows() const;  ///< sorted
  std::size_t size() const { return owners_.size() + names_.size() + pods_.size() + rows_.size(); }

 private:
  struct Name {
    std::string id;
    RowName row;
    std::string uid;  ///< empty outside of Kubernetes
    bool from_files = false;
    bool sandbox = false;
  };
  struct Member {
    OverheadComponent component{};
    std::optional<std::uint64_t> private_memory;
  };
  struct Owner {
    std::map<ProcessKey, Member> processes;
    std::map<CgroupKey, std::optional<std::uint64_t>> sandboxes;  ///< private memory of pause
    ComponentTimes cpu{};
    std::optional<RowName> row;  ///< absent: nobody knows its name yet
    MonoTime ended{};            ///< when the last process did
    bool there() const { return !processes.empty() || !sandboxes.empty(); }
  };
  struct Row {
    std::set<std::string> owners;  ///< ids
    ComponentTimes ended{};        ///< of owners that are gone
  };
  template <typename What>
  struct Departure {
    MonoTime at;
    What what;
  };
  using OwnerAt = std::map<std::string, Owner>::iterator;

  OwnerAt owner_of(const std::string& id);
  void leave_sandbox(CgroupKey key, const std::string& id, MonoTime now);
  void name_owner(OwnerAt owner);
  void name_pod(const Name& name);
  void move(OwnerAt owner, const RowName& to);
  void departed(const std::string& id, Owner& owner, MonoTime now);
  void erase_name(CgroupKey key);
  void erase_owner(OwnerAt owner);

  std::map<CgroupKey, Name> names_;
  std::map<std::string, std::vector<CgroupKey>> names_of_;  ///< by id; those from files first
  struct PodName {
    RowName row;
    std::size_t names = 0;  ///< in names_
  };
  std::map<std::string, PodName> pods_;  ///< by uid, as files name them
  std::map<std::string, Owner> owners_;  ///< by id
  std::map<RowName, Row> rows_;
  std::deque<Departure<CgroupKey>> left_;     ///< cgroups, oldest first
  std::deque<Departure<std::string>> ended_;  ///< owners, oldest first
};

}  // namespace throttlelens::overhead
