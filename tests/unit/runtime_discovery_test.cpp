// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include "runtime_fake.h"
#include "state_discovery.h"

namespace throttlelens::test {
namespace {

using namespace runtime;

std::string arguments(const std::vector<std::string>& of) {
  std::string out;
  for (const std::string& one : of) out += one + '\0';
  return out;
}

std::vector<std::string> paths(const std::vector<StateDir>& states) {
  std::vector<std::string> out;
  for (const StateDir& state : states) out.push_back(state.path);
  return out;
}

using Paths = std::vector<std::string>;

TEST_CASE("a shim tells where containerd keeps its files") {
  const std::string told = arguments({"/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io",
                                      "-id", kId, "-address", "/run/other/containerd.sock"});
  CHECK(paths(states_of_process("containerd-shim", told, "")) ==
        Paths{"/run/other", "/run/other/daemon"});
  const std::string bundle = "/data/state/io.containerd.runtime.v2.task/k8s.io/" + kId;
  CHECK(paths(states_of_process("containerd-shim", told, bundle)).front() == "/data/state");
  CHECK(states_of_process("containerd-shim", arguments({"x", "-address"}), "").empty());
  CHECK(
      states_of_process("containerd-shim", arguments({"x", "-address", "run/x.sock"}), "").empty());
  CHECK(
      states_of_process("containerd-shim", arguments({"x", "-address", "/a/../b/s"}), "").empty());
  CHECK(paths(states_of_process("containerd-shim", "",
                                std::string("/a\0", 3) + "/io.containerd.runtime.v2.task/x"))
            .empty());
  CHECK(states_of_process("bash", told, bundle).empty());
}

TEST_CASE("conmon tells where Podman and CRI-O keep theirs") {
  const std::string bundle = "/data/storage/overlay-containers/" + kId + "/userdata";
  const Paths expected{"/data/storage"};
  CHECK(paths(states_of_process("conmon", arguments({"conmon", "-b", bundle, "-n", "x"}), "")) ==
        expected);
  CHECK(paths(states_of_process("conmon", arguments({"conmon", "--bundle", bundle}), "")) ==
        expected);
  CHECK(paths(states_of_process("conmon", arguments({"conmon", "--bundle=" + bundle}), "")) ==
        expected);
  CHECK(states_of_process("conmon", arguments({"conmon", "-b", "/tmp/bundle"}), "").empty());
  CHECK(states_of_process("conmon", "-b", "").empty());
  CHECK(states_of_process("conmon", "", "").empty());
}

const std::string kTasks = "/io.containerd.runtime.v2.task/";
const std::string kOwn = std::to_string(::geteuid());

class FakeProcess {
 public:
  FakeProcess(const FakeStates& states, const std::string& uid) {
    states.put_shim("77", "moved", uid);
    states.put("proc/self/comm", "containerd-shim\n");
    states.put("moved" + kTasks + "k8s.io/" + kId + "/config.json", cri_bundle("server"));
  }
};

TEST_CASE("a moved state directory is found as soon as a container is not") {
  const FakeStates states;
  const FakeProcess shim(states, kOwn);
  Identities identities(states.options());
  CHECK_FALSE(only(identities.update(appeared(9, pod_path(kId)), at(0s)), 9).from_files);
  CHECK(only(identities.update({}, at(10ms)), 9).container == "server");
}

TEST_CASE("the processes of others are not believed") {
  const FakeStates states;
  const FakeProcess shim(states, "4242");
  Identities identities(states.options());
  identities.update(appeared(9, pod_path(kId)), at(0s));
  for (int second = 1; second < 60; ++second) CHECK(identities.update({}, at(second * 1s)).empty());
}

TEST_CASE("a process in a container, or below one, is told by its cgroups") {
  const std::string scope = "/kubepods.slice/kubepods-pod1.slice/cri-containerd-" + kId + ".scope";
  for (const std::string& outside :
       {std::string("/"), std::string("/system.slice/containerd.service"),
        "/machine.slice/libpod-conmon-" + kId + ".scope",
        "/system.slice/crio-conmon-" + kId + ".scope", "/libpod_parent/" + kId + "/conmon",
        std::string("/../../system.slice/x:y.service")}) {
    INFO(outside);
    CHECK(is_outside_containers("0::" + outside + "\n"));
    CHECK(is_outside_containers("4:cpu,cpuacct:" + outside + "\n1:name=systemd:/\n0::/\n"));
  }
  for (const std::string& inside :
       {scope, scope + "/init.scope", scope + "/crio-conmon-" + kId + ".scope", "/docker/" + kId,
        "/system.slice/docker-" + kId + ".scope/a/b", "/../../default/" + kId, "/" + kId,
        "/system.slice/crio-conmon-" + kId + ".scope/" + kId,
        "/kubepods/burstable/pod1/system.slice:cri-containerd:" + kId + "/x"}) {
    INFO(inside);
    CHECK_FALSE(is_outside_containers("0::" + inside + "\n"));
    CHECK_FALSE(is_outside_containers("4:cpu,cpuacct:/\n3:memory:" + inside + "\n0::/\n"));
  }
  for (const char* text : {"", "0::/", "0:/\n", "\n", "0::/\n\n", "0::/\n1:name=sys"}) {
    INFO(text);
    CHECK_FALSE(is_outside_containers(text));
  }
}

TEST_CASE("the processes in containers are not believed") {
  const FakeStates states;
  const FakeProcess shim(states, kOwn);
  const std::string status = "Name:\tx\nUid:\t" + kOwn + "\t0\t0\t0\n";
  SECTION("by their cgroup") {
    states.put("proc/77/cgroup", "0::" + pod_path(kId) + "/own\n");
  }
  SECTION("whose cgroup is not to be read") {
    fs::remove(states.path("proc/77/cgroup"));
  }
  SECTION("whose cgroups are too many to read") {
    std::string lines;
    while (lines.size() <= 16384) lines += "0::/aaaaaaaaaaa\n";
    states.put("proc/77/cgroup", lines);
  }
  SECTION("by their pid namespace") {
    states.put("proc/77/status", status + "NSpid:\t77\t1\n");
  }
  SECTION("that hide it behind their groups") {
    states.put("proc/77/status",
               status + "Groups:\t" + std::string(16384, '1') + "\nNSpid:\t77\t1\n");
  }
  Identities identities(states.options());
  CHECK_FALSE(only(identities.update(appeared(9, pod_path(kId)), at(0s)), 9).from_files);
  for (int second = 1; second < 60; ++second) CHECK(identities.update({}, at(second * 1s)).empty());
}

// Has made the daemon look around once, for a container that is nowhere.
void look_around(Identities& identities) {
  const std::string unknown(64, 'e');
  only(identities.update(appeared(5, "/docker/" + unknown), at(0s)), 5);
  identities.update({}, at(10ms));
}

TEST_CASE("configured directories win over discovered ones") {
  const FakeStates states;
  const FakeProcess shim(states, kOwn);
  // Found by its path's runtime, which a discovered one may say it is.
  const std::string path = pod_path("cri-containerd-" + kId + ".scope");
  Identities identities(states.options());
  look_around(identities);
  SECTION("whatever the runtime") {
    states.put_docker(kId, R"({"Name":"/web"})");
    CHECK(only(identities.update(appeared(9, path), at(20ms)), 9).container == "web");
  }
  SECTION("for a container with a name for an id") {
    states.put_containerd("default", "web", R"({"annotations":{"nerdctl/name":"right"}})");
    states.put("moved" + kTasks + "default/web/config.json",
               R"({"annotations":{"nerdctl/name":"wrong"}})");
    CHECK(only(identities.update(appeared(9, "/default/web"), at(20ms)), 9).container == "right");
  }
  SECTION("also when they cannot be read this time") {
    states.put_containerd("k8s.io", kId, "{");
    CHECK_FALSE(only(identities.update(appeared(9, path), at(20ms)), 9).from_files);
    states.put_containerd("k8s.io", kId, cri_bundle("right"));
    CHECK(only(identities.update({}, at(150ms)), 9).container == "right");
  }
  SECTION("and are asked after them") {
    CHECK(only(identities.update(appeared(9, path), at(20ms)), 9).container == "server");
  }
}

TEST_CASE("sixteen discovered directories are enough, of those that are there") {
  const FakeStates states;
  constexpr int kShims = 20;
  for (int i = 0; i < kShims; ++i) {
    states.put_shim(std::to_string(100 + i), "s" + std::to_string(i), kOwn);
    fs::create_directories(states.path("s" + std::to_string(i)));
  }
  Identities identities(states.options());
  look_around(identities);
  const auto warnings = identities.take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].what == "take up another state directory");
  for (int second = 1; second < 60; ++second) identities.update({}, at(second * 1s));
  CHECK(identities.take_warnings().empty());
  // Those that are gone make room.
  for (int i = 0; i < kShims; ++i) {
    fs::remove_all(states.path("s" + std::to_string(i)));
    fs::remove_all(states.path("proc/" + std::to_string(100 + i)));
  }
  const FakeProcess shim(states, kOwn);
  identities.update(appeared(9, pod_path(kId)), at(60s));
  std::string name;
  for (int second = 61; second < 80; ++second) {
    for (const Identified& one : identities.update({}, at(second * 1s))) {
      if (one.key.id == 9) name = one.identity->container;
    }
  }
  CHECK(name == "server");
}

TEST_CASE("directories of containers are opened up to 256") {
  const FakeStates states;
  for (int shim = 0; shim < 6; ++shim) {
    const std::string state = "s" + std::to_string(shim);
    states.put_shim(std::to_string(100 + shim), state, kOwn);
    for (int space = 0; space < 60; ++space) {
      fs::create_directories(states.path(state + kTasks + "n" + std::to_string(space)));
    }
  }
  states.put_containerd("zoo", kId, cri_bundle("server"));
  Identities identities(states.options());
  look_around(identities);
  CHECK(only(identities.update(appeared(9, pod_path(kId)), at(20ms)), 9).container == "server");
  const auto warnings = identities.take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].what == "look into all state directories");
}

TEST_CASE("processes are looked at every ten seconds at most") {
  const FakeStates states;
  StateDiscovery discovery(states.path("proc"));
  CHECK(discovery.step(at(0s)).empty());
  const FakeProcess shim(states, kOwn);
  CHECK(discovery.step(at(9s)).empty());
  CHECK(discovery.step(at(10s)).size() == 2);
  CHECK(StateDiscovery(states.path("nowhere")).step(at(0s)).empty());
}

}  // namespace
}  // namespace throttlelens::test
