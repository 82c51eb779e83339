// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "container_path.h"

namespace throttlelens::runtime {
namespace {

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kOther = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";
const std::string kUid = "1d3c8f7e-0a2b-4c5d-8e9f-aabbccddeeff";
const std::string kUnitUid = "1d3c8f7e_0a2b_4c5d_8e9f_aabbccddeeff";
const std::string kStatic = "5a1f0b6c7d8e9fa0b1c2d3e4f5061728";

ContainerPath parsed(const std::string& path) {
  INFO(path);
  auto result = parse_container_path(path);
  REQUIRE(result);
  return *result;
}

void check_pod(const std::string& path, const std::string& uid, const char* qos,
               const char* runtime, bool in_pod_cgroup = true) {
  INFO(path);
  const ContainerPath result = parsed(path);
  CHECK(result.id == kId);
  CHECK(result.runtime == runtime);
  CHECK(result.kubernetes);
  CHECK(result.pod == uid);
  CHECK(result.qos == qos);
  CHECK(result.in_pod_cgroup == in_pod_cgroup);
  CHECK_FALSE(result.monitor);
}

TEST_CASE("a pod's container under the systemd driver") {
  const std::string burstable =
      "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + kUnitUid + ".slice/";
  check_pod(burstable + "cri-containerd-" + kId + ".scope", kUid, "burstable", "containerd");
  check_pod(burstable + "crio-" + kId + ".scope", kUid, "burstable", "crio");
  check_pod(burstable + "docker-" + kId + ".scope", kUid, "burstable", "docker");
  check_pod(burstable + "libpod-" + kId + ".scope", kUid, "burstable", "podman");
  check_pod(burstable + "nerdctl-" + kId + ".scope", kUid, "burstable", "containerd");
  check_pod(burstable + "new-" + kId + ".scope", kUid, "burstable", "");
  check_pod("/kubepods.slice/kubepods-pod" + kUnitUid + ".slice/cri-containerd-" + kId + ".scope",
            kUid, "guaranteed", "containerd");
  check_pod("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + kStatic +
                ".slice/crio-" + kId + ".scope",
            kStatic, "besteffort", "crio");
  const std::string kind =
      "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
      "kubelet-kubepods-burstable-pod" +
      kUnitUid + ".slice/cri-containerd-" + kId + ".scope";
  check_pod(kind, kUid, "burstable", "containerd");
  check_pod("/system.slice/docker-" + kOther + ".scope" + kind, kUid, "burstable", "containerd");
}

TEST_CASE("a pod's container under the cgroupfs driver") {
  check_pod("/kubepods/burstable/pod" + kUid + "/" + kId, kUid, "burstable", "");
  check_pod("/kubepods/besteffort/pod" + kUid + "/crio-" + kId, kUid, "besteffort", "crio");
  check_pod("/kubepods/pod" + kStatic + "/" + kId, kStatic, "guaranteed", "");
  check_pod("/kubelet/kubepods/burstable/pod" + kUid + "/" + kId, kUid, "burstable", "");
  check_pod("/foo/kubepods/burstable/pod" + kUid + "/libpod-" + kId, kUid, "burstable", "podman");
  check_pod("/docker/" + kOther + "/kubelet/kubepods/pod" + kUid + "/" + kId, kUid, "guaranteed",
            "");
}

TEST_CASE("what the systemd driver is told, taken as a name by the other") {
  const std::string name = "kubepods-burstable-pod" + kUnitUid + ".slice:cri-containerd:" + kId;
  check_pod("/system.slice/containerd.service/" + name, kUid, "burstable", "containerd", false);
  check_pod("/" + name, kUid, "burstable", "containerd", false);
  const ContainerPath result = parsed("/system.slice/:cri-containerd:" + kId);
  CHECK(result.runtime == "containerd");
  CHECK(result.pod.empty());
}

TEST_CASE("containers outside of Kubernetes") {
  struct Shape {
    std::string path;
    const char* runtime;
  };
  for (const Shape& shape : std::vector<Shape>{
           {"/docker/" + kId, ""},
           {"/system.slice/docker-" + kId + ".scope", "docker"},
           {"/machine.slice/libpod-" + kId + ".scope", "podman"},
           {"/libpod_parent/libpod-" + kId, "podman"},
           {"/system.slice/web.service/libpod-payload-" + kId, "podman"},
           {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId + ".scope",
            "podman"},
           {"/default/" + kId, ""},
           {"/" + kId, ""},
           {"/docker/" + kOther + "/docker/" + kId, ""}}) {
    INFO(shape.path);
    const ContainerPath result = parsed(shape.path);
    CHECK(result.id == kId);
    CHECK(result.runtime == shape.runtime);
    CHECK(result.pod.empty());
    CHECK(result.qos.empty());
    CHECK_FALSE(result.in_pod_cgroup);
    CHECK_FALSE(result.kubernetes);
  }
}

TEST_CASE("the pods of Podman") {
  for (const std::string& path :
       {"/machine.slice/machine-libpod_pod_" + kOther + ".slice/libpod-" + kId + ".scope",
        "/libpod_parent/" + kOther + "/libpod-" + kId}) {
    const ContainerPath result = parsed(path);
    CHECK(result.id == kId);
    CHECK(result.pod == kOther);
    CHECK_FALSE(result.kubernetes);
    CHECK(result.in_pod_cgroup);
  }
}

TEST_CASE("conmon's cgroups are monitors") {
  for (const std::string& path : {"/system.slice/crio-conmon-" + kId + ".scope",
                                  "/machine.slice/libpod-conmon-" + kId + ".scope",
                                  "/kubepods/pod" + kUid + "/crio-conmon-" + kId}) {
    CHECK(parsed(path).monitor);
    CHECK(parsed(path).id == kId);
  }
}

TEST_CASE("what is no container") {
  for (const std::string& path : std::vector<std::string>{
           "", "/", "/system.slice", "/system.slice/sshd.service", "/kubepods/burstable/pod" + kUid,
           "/kubepods.slice/kubepods-pod" + kUnitUid + ".slice", "/libpod_parent/" + kOther,
           "/libpod_parent/conmon", "/machine.slice/machine-libpod_pod_" + kOther + ".slice",
           "/machine.slice/libpod-" + kId + ".scope/container", "/docker/" + kId + "/init",
           "/docker/" + kId.substr(1), "/docker/0" + kId,
           "/docker/0123456789ABCDEF" + kId.substr(16), "/docker/docker-" + kId,
           "/x" + kId + ".scope", "/docker/" + kId + "/", "/docker/" + kId + ".service"}) {
    INFO(path);
    CHECK_FALSE(parse_container_path(path));
  }
}

TEST_CASE("a pod that is none does not hide its container") {
  for (const std::string& parent :
       {std::string("/kubepods/burstable/pod"), std::string("/kubepods/burstable/podx y"),
        "/kubepods/pod" + std::string(65, 'a'), std::string("/notkubepods/podabc"),
        std::string("/xkubepods-podabc.slice"), std::string("/kubepods-pod.slice"),
        std::string("/kubepods-burstable-extra-podabc.slice")}) {
    INFO(parent);
    const ContainerPath result = parsed(parent + "/crio-" + kId + ".scope");
    CHECK(result.pod.empty());
    CHECK(result.qos.empty());
    CHECK_FALSE(result.in_pod_cgroup);
  }
}

TEST_CASE("the namespace and id of a named container") {
  const auto named = parse_named_container("/some/where/default/web-1.x_y");
  REQUIRE(named);
  CHECK(named->space == "default");
  CHECK(named->id == "web-1.x_y");
  for (const char* path : {"", "/", "/web", "/default/", "/a//b", "/default/..", "/../web",
                           "/./web", "/default/a b", "/default/a\nb", "/de\xff/a"}) {
    INFO(path);
    CHECK_FALSE(parse_named_container(path));
  }
  CHECK_FALSE(is_safe_name(std::string(256, 'a')));
  CHECK(is_safe_name(std::string(255, 'a')));
  CHECK_FALSE(is_safe_name(std::string("a\0b", 3)));
}

class Random {
 public:
  explicit Random(unsigned seed) : random_(seed) {}
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  template <std::size_t N>
  std::string one(const std::array<const char*, N>& of) {
    return of[below(N)];
  }
  std::string hex(std::size_t size) {
    std::string out;
    while (out.size() < size) out += "0123456789abcdef"[below(16)];
    return out;
  }

 private:
  std::mt19937 random_;
};

std::string replaced(std::string text, char from, char to) {
  for (char& c : text) c = c == from ? to : c;
  return text;
}

TEST_CASE("every composed path reads back as what it was composed of") {
  Random random(7);
  for (int round = 0; round < 20000; ++round) {
    const std::string id = random.hex(64);
    const std::string uid = random.below(4) == 0
                                ? random.hex(32)
                                : random.hex(8) + "-" + random.hex(4) + "-" + random.hex(4) + "-" +
                                      random.hex(4) + "-" + random.hex(12);
    const std::string qos =
        random.one(std::array<const char*, 3>{"guaranteed", "burstable", "besteffort"});
    std::string path = random.one(std::array<const char*, 4>{"", "/foo", "/kubelet", "/a.slice/b"});
    if (random.below(3) == 0) path = "/docker/" + random.hex(64) + path;
    const bool systemd = random.below(2) == 0;
    if (systemd) {
      const std::string root =
          random.one(std::array<const char*, 3>{"kubepods", "kubelet-kubepods", "x-y-kubepods"});
      const std::string level = qos == "guaranteed" ? "" : "-" + qos;
      path += "/" + root + ".slice";
      if (!level.empty()) path += "/" + root + level + ".slice";
      path += "/" + root + level + "-pod" + replaced(uid, '-', '_') + ".slice/";
      path += random.one(std::array<const char*, 5>{"cri-containerd-", "crio-", "docker-",
                                                    "libpod-", "nerdctl-"}) +
              id + ".scope";
    } else {
      path += "/kubepods" + (qos == "guaranteed" ? "" : "/" + qos) + "/pod" + uid + "/" +
              random.one(std::array<const char*, 3>{"", "crio-", "libpod-"}) + id;
    }
    INFO(path);
    const auto result = parse_container_path(path);
    REQUIRE(result);
    REQUIRE(result->id == id);
    REQUIRE(result->pod == uid);
    REQUIRE(result->qos == qos);
    REQUIRE(result->in_pod_cgroup);
    REQUIRE_FALSE(parse_container_path(path + "/" + random.hex(8)));
    REQUIRE_FALSE(parse_container_path(path.substr(0, path.rfind('/'))));
  }
}

TEST_CASE("no bytes give an id that is not at the end of the path") {
  constexpr std::array<const char*, 14> kPieces{
      "/",    "kubepods", ".slice", ".scope", "-",      ":",    "pod",
      "crio", "conmon",   "libpod", "docker", "\xff\n", "-pod", "libpod_parent"};
  Random random(11);
  for (int round = 0; round < 50000; ++round) {
    std::string path;
    for (unsigned n = random.below(12); n > 0; --n) {
      const unsigned kind = random.below(4);
      if (kind == 0) path += random.hex(64 - (random.below(8) == 0 ? 1 : 0));
      if (kind == 1) path.push_back(static_cast<char>(random.below(256)));
      if (kind > 1) path += random.one(kPieces);
    }
    const auto result = parse_container_path(path);
    const auto named = parse_named_container(path);
    if (named) REQUIRE(path.ends_with(std::string(named->space) + "/" + std::string(named->id)));
    if (!result) continue;
    INFO(path);
    const std::string id(result->id);
    REQUIRE(id.size() == 64);
    REQUIRE((path.ends_with(id) || path.ends_with(id + ".scope")));
    REQUIRE(is_safe_name(result->id));
    REQUIRE((result->pod.empty() || is_safe_name(result->pod)));
    REQUIRE((!result->in_pod_cgroup || !result->pod.empty()));
    REQUIRE(result->kubernetes == !result->qos.empty());
  }
}

}  // namespace
}  // namespace throttlelens::runtime
