// SPDX-License-Identifier: Apache-2.0
// The texts of the files, and what stands at their places instead of them.
#include <sys/stat.h>
#include <unistd.h>

#include "bundle.h"
#include "bundle_files.h"
#include "docker_config.h"
#include "runtime_fake.h"
#include "storage_names.h"
#include "wiped_text.h"

namespace throttlelens::test {
namespace {

using namespace runtime;

// containerd 1.6.20, as it wrote them for pods made through the CRI.
constexpr const char* kContainerd = R"({"ociVersion":"1.0.2-dev","process":{"user":{"uid":0,
"gid":0,"additionalGids":[0]},"args":["/load","--threads","4"],"env":["PATH=/bin",
"HOSTNAME=web-0"],"cwd":"/"},"root":{"path":"rootfs"},"mounts":[{"destination":"/proc",
"type":"proc","source":"proc","options":["nosuid","noexec","nodev"]}],"annotations":{
"io.kubernetes.cri.container-name":"proxy","io.kubernetes.cri.container-type":"container",
"io.kubernetes.cri.image-name":"docker.io/library/load:1","io.kubernetes.cri.sandbox-id":
"8680714dc8e00450229284b862faa816902f0406b20b770ed1dfec0a49fbe028",
"io.kubernetes.cri.sandbox-name":"web-0","io.kubernetes.cri.sandbox-namespace":"shop",
"io.kubernetes.cri.sandbox-uid":"999a4d4d-0472-45f5-8b06-3b679c9c13b5"},"linux":{"resources":{
"devices":[{"allow":false,"access":"rwm"}],"memory":{},"cpu":{"shares":51,"quota":30000,
"period":100000}},"cgroupsPath":"/kubepods/burstable/pod999a4d4d-0472-45f5-8b06-3b679c9c13b5/x",
"namespaces":[{"type":"pid"}],"maskedPaths":["/proc/acpi"]}})";
constexpr const char* kSandbox = R"({"ociVersion":"1.0.2-dev","process":{"args":["/pause"]},
"annotations":{"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-id":
"a687238282bdc5b5850fd19be85758412b6877ec4958637e6bc8c92a07bf6ab9",
"io.kubernetes.cri.sandbox-log-directory":"/var/log/pods/shop_api-0","io.kubernetes.cri.sandbox-name":
"api-0","io.kubernetes.cri.sandbox-namespace":"shop","io.kubernetes.cri.sandbox-uid":
"b25b06b7-6ef1-4746-a676-6b775652f626"},"linux":{"resources":{"cpu":{"shares":2}}}})";
// Podman 4.3.1, outside of a pod and in one.
constexpr const char* kPodman = R"({"ociVersion":"1.0.2-dev","annotations":{
"io.container.manager":"libpod","io.kubernetes.cri-o.Created":"2026-01-02T03:04:05.415677082Z",
"io.kubernetes.cri-o.TTY":"false","io.podman.annotations.autoremove":"TRUE",
"io.podman.annotations.init":"FALSE","io.podman.annotations.privileged":"FALSE",
"io.podman.annotations.publish-all":"FALSE","org.opencontainers.image.stopSignal":"15"},
"linux":{"sysctl":{"net.ipv4.ping_group_range":"0 0"},"resources":{"cpu":{"shares":200},
"pids":{"limit":2048}}}})";
constexpr const char* kPodmanInPod = R"({"annotations":{"io.container.manager":"libpod",
"io.kubernetes.cri-o.ContainerType":"container","io.kubernetes.cri-o.SandboxID":"2d7514cf"},
"linux":{"resources":{}}})";
constexpr const char* kPodmanStorage = R"([{"id":"c94b31f9","names":["web-front"],"image":"",
"layer":"33c4b06b","metadata":"{\"image-name\":\"registry.example/web:1\",\"image-id\":\"\",
\"name\":\"web-front\",\"created-at\":1795297196}","created":"2026-01-02T03:04:05.427203918Z",
"flags":{"MountLabel":"","ProcessLabel":"","Volatile":true}},{"id":"0","names":null},7,
{"id":"1","names":["one","alias"],"metadata":5}])";
// After CRI-O's documentation.
constexpr const char* kCrio = R"({"annotations":{"io.container.manager":"cri-o",
"io.kubernetes.container.name":"server","io.kubernetes.cri-o.ContainerType":"container",
"io.kubernetes.cri-o.ImageName":"registry.example/web:1","io.kubernetes.cri-o.Annotations":
"{\"io.kubernetes.container.name\":\"no\"}","io.kubernetes.pod.name":"web-0",
"io.kubernetes.pod.namespace":"shop","io.kubernetes.pod.uid":"u-1",
"io.kubernetes.pod.terminationGracePeriod":"30"},"linux":{"resources":{"cpu":{"shares":1024}}}})";
// After the sources of Docker and cri-dockerd.
constexpr const char* kDocker = R"({"StreamConfig":{},"State":{"Running":true},"ID":"x",
"Config":{"Hostname":"h","Env":["A=B"],"Image":"nginx:1.25","Labels":{"maintainer":"somebody"}},
"Image":"sha256:1","Name":"/web","Driver":"overlay2"})";
constexpr const char* kCriDockerd = R"({"Config":{"Image":"sha256:abc","Labels":{
"io.kubernetes.container.name":"server","io.kubernetes.docker.type":"container",
"io.kubernetes.pod.name":"web-0","io.kubernetes.pod.namespace":"shop",
"io.kubernetes.pod.uid":"u-1","io.kubernetes.sandbox.id":"y"}},
"Name":"/k8s_server_web-0_shop_u-1_0"})";

Names bundle(const std::string& text) {
  auto names = parse_bundle(text);
  REQUIRE(names);
  return *names;
}

TEST_CASE("bundles of containerd's CRI") {
  const Names names = bundle(kContainerd);
  CHECK(names.role == ContainerRole::application);
  CHECK(names.pod_namespace == "shop");
  CHECK(names.pod == "web-0");
  CHECK(names.uid == "999a4d4d-0472-45f5-8b06-3b679c9c13b5");
  CHECK(names.container == "proxy");
  CHECK(names.image == "docker.io/library/load:1");
  CHECK(names.shares == 51);
  CHECK(bundle(kSandbox).role == ContainerRole::sandbox);
  CHECK(bundle(kSandbox).pod == "api-0");
  CHECK(bundle(kSandbox).container.empty());
}

TEST_CASE("bundles of CRI-O, Podman and nerdctl") {
  const Names crio = bundle(kCrio);
  CHECK(crio.runtime == "crio");
  CHECK(crio.pod_namespace == "shop");
  CHECK(crio.pod == "web-0");
  CHECK(crio.uid == "u-1");
  CHECK(crio.container == "server");
  CHECK(crio.image == "registry.example/web:1");
  CHECK(crio.shares == 1024);
  const Names podman = bundle(kPodman);
  CHECK(podman.runtime == "podman");
  CHECK(podman.pod.empty());
  CHECK(podman.container.empty());
  CHECK(podman.shares == 200);
  CHECK(bundle(kPodmanInPod).pod == "2d7514cf");
  CHECK(bundle(R"({"annotations":{"nerdctl/name":"web"}})").container == "web");
  CHECK(bundle(R"({"annotations":{"io.kubernetes.cri-o.ContainerType":"sandbox"}})").role ==
        ContainerRole::sandbox);
}

TEST_CASE("names of Podman's containers") {
  std::unordered_map<std::string, StorageNames> names;
  std::string text = kPodmanStorage;
  std::erase(text, '\n');
  read_storage_names(text, names);
  CHECK(names["c94b31f9"].container == "web-front");
  CHECK(names["c94b31f9"].image == "registry.example/web:1");
  CHECK(names["1"].container == "one");
  CHECK(names["0"].container.empty());
  const auto before = names.size();
  for (const char* wrong : {"", "{}", "[", "null"}) read_storage_names(wrong, names);
  CHECK(names.size() == before);
  CHECK(read_storage_names("[]", names));
  CHECK_FALSE(read_storage_names("[{", names));
}

TEST_CASE("configurations of Docker") {
  const auto docker = parse_docker_config(kDocker);
  REQUIRE(docker);
  CHECK(docker->container == "web");
  CHECK(docker->image == "nginx:1.25");
  CHECK(docker->runtime == "docker");
  CHECK(docker->pod.empty());
  const auto pod = parse_docker_config(kCriDockerd);
  REQUIRE(pod);
  CHECK(pod->container == "server");
  CHECK(pod->pod == "web-0");
  CHECK(pod->pod_namespace == "shop");
  CHECK(pod->uid == "u-1");
  CHECK(pod->role == ContainerRole::application);
  const auto sandbox = parse_docker_config(
      R"({"Config":{"Labels":{"io.kubernetes.docker.type":"podsandbox"}},"Name":"/k8s_POD"})");
  REQUIRE(sandbox);
  CHECK(sandbox->role == ContainerRole::sandbox);
  CHECK(parse_docker_config(R"({"Config":{"Labels":null},"Name":"/x"})")->container == "x");
  CHECK_FALSE(parse_docker_config(R"({"Config":[]})"));
  CHECK_FALSE(parse_docker_config("[]"));
  CHECK(parse_docker_shares(R"({"CpuShares":512,"Memory":0})") == 512);
  for (const char* text : {R"({"CpuShares":0})", "{}", "", R"({"CpuShares":-1})"}) {
    CHECK_FALSE(parse_docker_shares(text));
  }
}

TEST_CASE("texts that are no names are not known") {
  const auto named = [](const std::string& value) {
    return bundle("{\"annotations\":{\"io.kubernetes.cri.container-name\":" + value + "}}")
        .container;
  };
  CHECK(named("5").empty());
  CHECK(named("{\"a\":\"b\"}").empty());
  CHECK(named("null").empty());
  CHECK(named("\"" + std::string(4096, 'x') + "\"") == std::string(4096, 'x'));
  CHECK(named("\"" + std::string(4097, 'x') + "\"").empty());
  CHECK(named("\"\xff\xfe\\u0001\\n\"") == "\xff\xfe\x01\n");
  for (const char* linux_part :
       {"null", "[]", "{}", R"({"resources":null})", R"({"resources":{"cpu":[]}})",
        R"({"resources":{"cpu":{"shares":"5"}}})", R"({"resources":{"cpu":{"shares":0}}})",
        R"({"resources":{"cpu":{"shares":-5}}})", R"({"resources":{"cpu":{"shares":1.5}}})"}) {
    INFO(linux_part);
    CHECK_FALSE(bundle(std::string("{\"linux\":") + linux_part + "}").shares);
  }
  CHECK_FALSE(parse_bundle(R"({"annotations":[]})"));
  CHECK_FALSE(parse_bundle(""));
  CHECK_FALSE(parse_bundle("{}" + std::string(kLargestFile, ' ')));
}

std::string name_of(const FakeStates& states, const std::string& path) {
  Identities identities(states.options());
  return only(identities.update(appeared(9, path), at(0s)), 9).container;
}

TEST_CASE("each runtime's files are found") {
  const FakeStates states;
  SECTION("CRI-O") {
    std::string text = kCrio;
    states.put_storage(kId, text.replace(text.find("u-1"), 3, kUid));
    Identities identities(states.options());
    const auto told = only(identities.update(appeared(9, pod_path("crio-" + kId)), at(0s)), 9);
    CHECK(told.runtime == "crio");
    CHECK(told.container == "server");
  }
  SECTION("Podman") {
    states.put_storage(kId, kPodman);
    states.put("storage/overlay-containers/containers.json", "[]");
    states.put("storage/overlay-containers/volatile-containers.json",
               R"([{"id":")" + kId + R"(","names":["web-front"]}])");
    Identities identities(states.options());
    const auto told =
        only(identities.update(appeared(9, "/machine.slice/libpod-" + kId + ".scope"), at(0s)), 9);
    CHECK(told.runtime == "podman");
    CHECK(told.container == "web-front");
    CHECK(told.shares == 200);
  }
  SECTION("Docker, whose file knows more than containerd's") {
    states.put_containerd("moby", kId, "{}");
    states.put_docker(kId, kDocker);
    states.put("docker/containers/" + kId + "/hostconfig.json", R"({"CpuShares":300})");
    Identities identities(states.options());
    const auto told =
        only(identities.update(appeared(9, "/system.slice/docker-" + kId + ".scope"), at(0s)), 9);
    CHECK(told.runtime == "docker");
    CHECK(told.container == "web");
    CHECK(told.shares == 300);
    CHECK(identities.errors().empty());
  }
  SECTION("Docker, with only containerd's file to be seen") {
    states.put_containerd("moby", kId, "{}");
    Identities identities(states.options());
    const auto told = only(identities.update(appeared(9, "/docker/" + kId), at(0s)), 9);
    CHECK(told.runtime == "docker");
    CHECK(told.container == kId);
    CHECK(identities.errors().empty());  // its own may be half written
    CHECK(identities.update({}, at(100ms)).empty());
    CHECK(identities.errors() == std::vector<MetadataErrors>{{.source = "docker", .count = 1}});
    CHECK(identities.take_warnings().size() == 1);
  }
  SECTION("Docker, whose file is half written at first") {
    states.put_containerd("moby", kId, "{}");
    states.put_docker(kId, R"({"Config":{)");
    Identities identities(states.options());
    const auto told = only(identities.update(appeared(9, "/docker/" + kId), at(0s)), 9);
    CHECK(told.from_files);
    CHECK(told.container == kId);
    states.put_docker(kId, kDocker);
    CHECK(only(identities.update({}, at(100ms)), 9).container == "web");
    CHECK(identities.errors().empty());
    for (int second = 1; second < 60; ++second)
      CHECK(identities.update({}, at(second * 1s)).empty());
  }
  SECTION("Podman, whose list is half written at first") {
    states.put_storage(kId, kPodman);
    const std::string list = R"([{"id":")" + kId + R"(","names":["web-front"]}])";
    states.put("storage/overlay-containers/containers.json", list.substr(0, 50));
    Identities identities(states.options());
    const std::string path = "/machine.slice/libpod-" + kId + ".scope";
    CHECK(only(identities.update(appeared(9, path), at(0s)), 9).container == kId);
    CHECK(identities.update({}, at(100ms)).empty());  // still: not told again
    CHECK(identities.errors() == std::vector<MetadataErrors>{{.source = "podman", .count = 1}});
    CHECK(identities.take_warnings().at(0).on ==
          states.path("storage/overlay-containers/containers.json"));
    states.put("storage/overlay-containers/containers.json", list);
    CHECK(only(identities.update({}, at(300ms)), 9).container == "web-front");
  }
  SECTION("a directory that comes later, in any namespace") {
    CHECK(name_of(states, "/default/" + kId) == kId);
    states.put("k3s/io.containerd.runtime.v2.task/default/" + kId + "/config.json",
               R"({"annotations":{"nerdctl/name":"late"}})");
    CHECK(name_of(states, "/default/" + kId) == "late");
  }
}

TEST_CASE("links, pipes, directories and huge files are not read") {
  const FakeStates states;
  const std::string good = states.put("elsewhere/config.json", cri_bundle("evil"));
  const std::string bundle_dir = "containerd/io.containerd.runtime.v2.task/k8s.io/";
  const std::string file = states.put_containerd("k8s.io", kId, "");
  fs::remove(file);
  SECTION("a link to a file") {
    fs::create_symlink(good, file);
  }
  SECTION("a link to a directory") {
    fs::remove_all(states.path(bundle_dir + kId));
    fs::create_directory_symlink(states.path("elsewhere"), states.path(bundle_dir + kId));
  }
  SECTION("a link to a namespace") {
    fs::create_directories(states.path("outside/" + kId));
    fs::copy_file(good, states.path("outside/" + kId + "/config.json"));
    fs::create_directory_symlink(states.path("outside"),
                                 states.path("containerd/io.containerd.runtime.v2.task/other"));
  }
  SECTION("a pipe that nobody writes to") {
    REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
  }
  SECTION("a directory") {
    fs::create_directory(file);
  }
  SECTION("a file of 5 MiB") {
    states.put_containerd("k8s.io", kId, cri_bundle("evil"));
    fs::resize_file(file, 5U << 20U);
  }
  CHECK(name_of(states, pod_path(kId)) == kId);
}

TEST_CASE("names that lead elsewhere are not opened") {
  const FakeStates states;
  states.put("containerd/config.json", "{}");
  const auto dir = open_state(states.path("containerd"));
  REQUIRE(dir);
  CHECK(read_below(dir->get(), {"config.json"}));
  for (const char* name : {"..", ".", "", "../containerd/config.json", "/etc/passwd", "a b"}) {
    INFO(name);
    const auto text = read_below(dir->get(), {name});
    REQUIRE_FALSE(text);
    CHECK(is_absent(text.error()));
    CHECK_FALSE(open_below(dir->get(), name));
  }
}

TEST_CASE("of many namespaces some are looked into, and those of Kubernetes and Docker always") {
  const FakeStates states;
  const std::string tasks = "containerd/io.containerd.runtime.v2.task/";
  SECTION("directories") {
    for (int i = 0; i < 200; ++i) {
      fs::create_directories(states.path(tasks + "a" + std::to_string(i)));
    }
    const auto listing = list_below(open_state(states.path(tasks))->get());
    REQUIRE(listing);
    CHECK(listing->names.size() == 64);
    CHECK(listing->cut);
  }
  SECTION("files") {
    for (int i = 0; i < 1100; ++i) states.put(tasks + "a" + std::to_string(i), "");
    const auto listing = list_below(open_state(states.path(tasks))->get());
    REQUIRE(listing);
    CHECK(listing->names.empty());
    CHECK(listing->cut);
  }
  states.put_containerd("k8s.io", kId, cri_bundle("server"));
  const std::string other = "f" + kId.substr(1);
  states.put_containerd("moby", other, R"({"annotations":{"nerdctl/name":"web"}})");
  Identities identities(states.options());
  CHECK(only(identities.update(appeared(9, pod_path(kId)), at(0s)), 9).container == "server");
  CHECK(only(identities.update(appeared(8, "/docker/" + other), at(1s)), 8).container == "web");
  const auto warnings = identities.take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].what == "look into all namespaces of containerd");
  CHECK(warnings[0].on == states.path("containerd/io.containerd.runtime.v2.task"));
}

TEST_CASE("a listing of as much as is looked at is not cut") {
  const FakeStates states;
  for (int i = 0; i < 64; ++i) fs::create_directories(states.path("a/n" + std::to_string(i)));
  const auto listing = list_below(open_state(states.path("a"))->get());
  REQUIRE(listing);
  CHECK(listing->names.size() == 64);
  CHECK_FALSE(listing->cut);
}

TEST_CASE("a state directory without permission is told") {
  if (::geteuid() != 0) return;  // nobody to become
  const FakeStates states;
  states.put_docker(kId, kDocker);
  fs::permissions(states.path("docker"), fs::perms::none);
  fs::permissions(fs::path(states.path("docker")).parent_path(), fs::perms(0755));
  constexpr uid_t kNobody = 65534;
  REQUIRE(::seteuid(kNobody) == 0);
  Identities identities(states.options());
  const auto told = identities.update(appeared(9, "/docker/" + kId), at(0s));
  identities.update({}, at(1s));
  REQUIRE(::seteuid(0) == 0);
  CHECK_FALSE(only(told, 9).from_files);
  CHECK(identities.errors() == std::vector<MetadataErrors>{{.source = "docker", .count = 1}});
  const auto warnings = identities.take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].code == EACCES);
  CHECK(warnings[0].on == states.path("docker"));
}

}  // namespace
}  // namespace throttlelens::test
