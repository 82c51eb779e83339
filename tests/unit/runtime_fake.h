// SPDX-License-Identifier: Apache-2.0
// State directories of runtimes in a temporary directory, and the files that belong into them.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/identities.h"

namespace throttlelens::test {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

inline const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
inline const std::string kUid = "1d3c8f7e-0a2b-4c5d-8e9f-aabbccddeeff";

class FakeStates {
 public:
  FakeStates() {
    std::string pattern = (fs::temp_directory_path() / "throttlelens-states-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    dir_ = pattern;
    fs::create_directories(dir_ / "proc");
  }
  ~FakeStates() {
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }
  FakeStates(const FakeStates&) = delete;
  FakeStates& operator=(const FakeStates&) = delete;

  IdentityOptions options() const {
    return {.containerd = {path("containerd"), path("k3s")},
            .crio = {path("storage")},
            .docker = {path("docker")},
            .podman = {path("storage")},
            .proc = path("proc")};
  }
  std::string path(const std::string& below) const { return (dir_ / below).string(); }

  std::string put(const std::string& below, const std::string& text) const {
    const fs::path file = dir_ / below;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }
  std::string put_containerd(const std::string& space, const std::string& id,
                             const std::string& text) const {
    return put("containerd/io.containerd.runtime.v2.task/" + space + "/" + id + "/config.json",
               text);
  }
  std::string put_storage(const std::string& id, const std::string& text) const {
    return put("storage/overlay-containers/" + id + "/userdata/config.json", text);
  }
  /// A process that looks like a shim of a containerd that has its files in `state`.
  void put_shim(const std::string& pid, const std::string& state, const std::string& uid,
                const std::string& cgroup = "0::/system.slice/containerd.service\n") const {
    const std::string process = "proc/" + pid;
    put(process + "/comm", "containerd-shim\n");
    put(process + "/status", "Name:\tx\nUid:\t" + uid + "\t0\t0\t0\nNSpid:\t" + pid + "\n");
    put(process + "/cgroup", cgroup);
    put(process + "/cmdline",
        std::string("shim\0-address\0", 14) + path(state + "/containerd.sock") + '\0');
  }
  std::string put_docker(const std::string& id, const std::string& text) const {
    return put("docker/containers/" + id + "/config.v2.json", text);
  }

 private:
  fs::path dir_;
};

inline constexpr MonoTime at(Nanoseconds since_start) {
  return MonoTime{std::chrono::hours(1) + since_start};
}

inline TreeChanges appeared(std::uint64_t key, const std::string& path, std::uint64_t parent = 1) {
  TreeChanges changes;
  changes.appeared.push_back({.key = {key}, .parent = {parent}, .path = path});
  return changes;
}

inline TreeChanges gone(std::uint64_t key) {
  TreeChanges changes;
  changes.gone.push_back({key});
  return changes;
}

inline std::uint64_t count_of(const Identities& identities, const std::string& source) {
  for (const MetadataErrors& one : identities.errors()) {
    if (one.source == source) return one.count;
  }
  return 0;
}

inline ContainerIdentity only(const std::vector<Identified>& identified, std::uint64_t key) {
  REQUIRE(identified.size() == 1);
  REQUIRE(identified[0].key.id == key);
  REQUIRE(identified[0].identity);
  return *identified[0].identity;
}

inline std::string cri_bundle(const std::string& name, const std::string& type = "container") {
  return R"({"ociVersion":"1.0.2-dev","process":{"env":["TOKEN=x"]},"annotations":{)"
         R"("io.kubernetes.cri.container-name":")" +
         name + R"(","io.kubernetes.cri.container-type":")" + type +
         R"(","io.kubernetes.cri.image-name":"registry.example/web:1",)"
         R"("io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop",)"
         R"("io.kubernetes.cri.sandbox-uid":")" +
         kUid + R"("},"linux":{"resources":{"cpu":{"shares":512,"quota":20000}}}})";
}

inline std::string pod_path(const std::string& id) {
  return "/kubepods/burstable/pod" + kUid + "/" + id;
}

}  // namespace throttlelens::test
