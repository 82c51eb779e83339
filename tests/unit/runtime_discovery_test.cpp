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

class FakeProcess {
 public:
  FakeProcess(const FakeStates& states, const std::string& uid) {
    states.put("proc/77/comm", "containerd-shim\n");
    states.put("proc/77/status", "Name:\tx\nUid:\t" + uid + "\t0\t0\t0\n");
    states.put("proc/77/cmdline",
               arguments({"shim", "-address", states.path("moved/containerd.sock")}));
    states.put("proc/self/comm", "containerd-shim\n");
    states.put("moved/io.containerd.runtime.v2.task/k8s.io/" + kId + "/config.json",
               cri_bundle("server"));
  }
};

TEST_CASE("a moved state directory is found as soon as a container is not") {
  const FakeStates states;
  const FakeProcess shim(states, std::to_string(::geteuid()));
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

TEST_CASE("processes are looked at every ten seconds at most") {
  const FakeStates states;
  StateDiscovery discovery(states.path("proc"));
  CHECK(discovery.step(at(0s)).empty());
  const FakeProcess shim(states, std::to_string(::geteuid()));
  CHECK(discovery.step(at(9s)).empty());
  CHECK(discovery.step(at(10s)).size() == 2);
  CHECK(StateDiscovery(states.path("nowhere")).step(at(0s)).empty());
}

}  // namespace
}  // namespace throttlelens::test
