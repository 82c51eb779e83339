// SPDX-License-Identifier: Apache-2.0
// What the others tell the overhead room, in few words; and a /proc in a temporary directory.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "overhead/overhead.h"

namespace throttlelens::test {

inline constexpr MonoTime kStart{std::chrono::hours(1)};

inline constexpr auto kShim = OverheadComponent::shim;
inline constexpr auto kRunc = OverheadComponent::runc;
inline constexpr auto kPause = OverheadComponent::pause;
inline constexpr auto kConmon = OverheadComponent::conmon;

constexpr ProcessKey process(std::uint32_t pid, Nanoseconds started = std::chrono::seconds(7)) {
  return {.pid = pid, .started = started};
}

/// Full ids that are easy to tell apart.
inline std::string id(char c) {
  return std::string(64, c);
}

inline ProcessSeen seen(ProcessKind kind, ProcessKey key, const std::string& comm,
                        std::vector<std::string> arguments, std::uint64_t cgroup = 1) {
  std::string line;
  for (const std::string& one : arguments) line += one + '\0';
  return {.key = key, .kind = kind, .comm = comm, .arguments = line, .cgroup = {cgroup}};
}

inline ProcessSeen a_shim(ProcessKey key, const std::string& serves, std::uint64_t cgroup = 1) {
  return seen(ProcessKind::shim, key, "containerd-shim", {"shim", "-id", serves}, cgroup);
}
inline ProcessSeen a_conmon(ProcessKey key, const std::string& serves, std::uint64_t cgroup = 1) {
  return seen(ProcessKind::monitor, key, "conmon", {"conmon", "-c", serves}, cgroup);
}
inline ProcessSeen a_service(ProcessKey key, const std::string& comm, std::uint64_t cgroup = 1) {
  return seen(ProcessKind::service, key, comm, {comm}, cgroup);
}

inline ProcessUse use(ProcessKind kind, ProcessKey key, Nanoseconds cpu) {
  return {.key = key, .kind = kind, .root = key, .cpu = cpu};
}
inline ProcessUse helper(ProcessKey key, ProcessKey root, Nanoseconds cpu) {
  return {.key = key, .kind = ProcessKind::helper, .root = root, .cpu = cpu};
}

inline ContainerIdentity pod_container(const std::string& container_id, const std::string& pod,
                                       ContainerRole role = ContainerRole::application) {
  ContainerIdentity out;
  out.role = role;
  out.from_files = true;
  out.container_id = container_id;
  out.pod_namespace = "shop";
  out.pod = pod;
  out.container = "app";
  out.uid = "uid-of-" + pod;
  return out;
}

/// As from its path alone.
inline ContainerIdentity unread(ContainerIdentity identity) {
  identity.role = ContainerRole::application;
  identity.from_files = false;
  identity.pod_namespace.clear();
  identity.pod = identity.uid;
  identity.container = identity.container_id;
  return identity;
}

inline ContainerIdentity lone_container(const std::string& container_id, const std::string& name) {
  ContainerIdentity out;
  out.from_files = true;
  out.container_id = container_id;
  out.container = name;
  return out;
}

/// The room, and those it asks.
class Bench {
 public:
  explicit Bench(OverheadOptions options = {})
      : room_(std::move(options),
              {.container_around = [this](CgroupKey key) -> const ContainerIdentity* {
                 const auto found = around.find(key.id);
                 return found == around.end() ? nullptr : &found->second;
               },
               .processes_of =
                   [this](CgroupKey key) {
                     if (on_list) on_list();
                     return pids[key.id];
                   },
               .process_time = [this] { return own_time; },
               .thread_time = [this] { return thread_time += reading_costs; }}) {}

  void at(Nanoseconds since_start) { now_ = kStart + since_start; }
  MonoTime now() const { return now_; }

  void name(std::uint64_t key, const ContainerIdentity& identity) {
    room_.identify({{.key = {key}, .identity = std::make_shared<ContainerIdentity>(identity)}}, {},
                   now_);
  }
  void gone(std::uint64_t key) { room_.identify({}, {{key}}, now_); }

  void see(const ProcessSeen& one) {
    ProcessBatch batch;
    batch.seen.push_back(one);
    room_.apply(batch, now_);
  }
  void ended(const ProcessUse& one) {
    ProcessBatch batch;
    batch.ended.push_back(one);
    room_.apply(batch, now_);
  }
  void alive(std::vector<ProcessUse> all) {
    ProcessBatch batch;
    batch.alive = std::move(all);
    room_.apply(batch, now_);
  }
  void apply(const ProcessBatch& batch) { room_.apply(batch, now_); }
  void pass(Nanoseconds time) {
    now_ = now_ + time;
    room_.apply({}, now_);
  }
  Overhead& room() { return room_; }

  OverheadReading read() const { return room_.read(); }
  /// Null: no such row.
  const OverheadRow* row(const std::string& pod, const std::string& container = "") {
    reading_ = room_.read();
    const auto found = std::ranges::find_if(reading_.rows, [&](const OverheadRow& one) {
      return one.pod == pod && one.container == container;
    });
    return found == reading_.rows.end() ? nullptr : &*found;
  }
  std::optional<Nanoseconds> cpu(const std::string& pod, OverheadComponent component,
                                 const std::string& container = "") {
    const OverheadRow* found = row(pod, container);
    return found == nullptr ? std::nullopt : found->parts[static_cast<std::size_t>(component)].cpu;
  }
  std::optional<std::uint64_t> memory(const std::string& pod, OverheadComponent component,
                                      const std::string& container = "") {
    const OverheadRow* found = row(pod, container);
    return found == nullptr ? std::nullopt
                            : found->parts[static_cast<std::size_t>(component)].private_memory;
  }
  std::optional<Nanoseconds> node(OverheadComponent component) const {
    return room_.read().node[static_cast<std::size_t>(component)];
  }
  std::optional<ServiceRow> service(const std::string& name) const {
    for (const ServiceRow& one : room_.read().services) {
      if (one.name == name) return one;
    }
    return std::nullopt;
  }

  std::map<std::uint64_t, ContainerIdentity> around;         ///< by cgroup
  std::map<std::uint64_t, std::vector<std::uint32_t>> pids;  ///< by cgroup
  std::function<void()> on_list;                             ///< before pids are told
  Nanoseconds own_time{0};
  Nanoseconds reading_costs{0};  ///< half of what a reading takes
  Nanoseconds thread_time{0};

 private:
  MonoTime now_ = kStart;
  Overhead room_;
  OverheadReading reading_;
};

/// Files as in /proc.
class FakeProc {
 public:
  FakeProc() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "throttlelens-proc-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    dir_ = pattern;
  }
  ~FakeProc() {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  FakeProc(const FakeProc&) = delete;
  FakeProc& operator=(const FakeProc&) = delete;

  std::string path() const { return dir_.string(); }
  void put(const std::string& pid, const std::string& start_ticks, std::uint64_t clean_kb,
           std::uint64_t dirty_kb) const {
    put_file(pid, "stat",
             pid + " (a (b) c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 " + start_ticks +
                 " 20 21\n");
    put_file(pid, "smaps_rollup",
             "Rss: 99999 kB\nPrivate_Clean: " + std::to_string(clean_kb) +
                 " kB\nPrivate_Dirty: " + std::to_string(dirty_kb) + " kB\n");
  }
  void put_file(const std::string& pid, const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(dir_ / pid);
    std::ofstream(dir_ / pid / name, std::ios::binary) << text;
  }
  void remove(const std::string& what) const { std::filesystem::remove_all(dir_ / what); }

 private:
  std::filesystem::path dir_;
};

}  // namespace throttlelens::test
