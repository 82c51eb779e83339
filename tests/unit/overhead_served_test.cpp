// SPDX-License-Identifier: Apache-2.0
// Command lines as they are on machines (containerd 1.6, runc, Podman 4.3 and conmon 2.1 seen here,
// the others by their sources), and as somebody may make them up.
#include <initializer_list>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "served.h"

using namespace throttlelens;
using overhead::served_container;

namespace {

const std::string kId(64, 'a');
const std::string kOther(64, 'b');

std::string line(std::initializer_list<std::string_view> arguments) {
  std::string out;
  for (const std::string_view one : arguments) out.append(one).push_back('\0');
  return out;
}

std::optional<std::string> shim(std::initializer_list<std::string_view> arguments) {
  return served_container(ProcessKind::shim, "containerd-shim", line(arguments));
}
std::optional<std::string> conmon(std::initializer_list<std::string_view> arguments) {
  return served_container(ProcessKind::monitor, "conmon", line(arguments));
}
std::optional<std::string> runc(std::initializer_list<std::string_view> arguments) {
  return served_container(ProcessKind::helper, "runc", line(arguments));
}

}  // namespace

TEST_CASE("shims of containerd serve what -id says") {
  const char* const program = "/usr/bin/containerd-shim-runc-v2";
  const char* const socket = "/run/containerd/containerd.sock";
  CHECK(shim({program, "-namespace", "k8s.io", "-id", kId, "-address", socket}) == kId);
  CHECK(shim({program, "-namespace", "k8s.io", "-address", socket, "-publish-binary",
              "/usr/bin/containerd", "-id", kId, "start"}) == kId);
  CHECK(shim({program, "-namespace", "k8s.io", "-address", socket, "-publish-binary",
              "/usr/bin/containerd", "-id", kId, "-bundle", "/run/b", "delete"}) == kId);
  CHECK(shim({program, "-namespace", "moby", "-id", kId, "-address",
              "/var/run/docker/containerd/containerd.sock"}) == kId);
  CHECK(shim({program, "-namespace", "default", "-id", "lonely_1.x", "-address", socket}) ==
        "lonely_1.x");
  CHECK(shim({program, "--namespace", "k8s.io", "--id=" + kId}) == kId);
  CHECK(shim({program, "-debug", "-id=" + kId}) == kId);
  CHECK(shim({program, "--id", kId}) == kId);
  // The path of k3s's programs has a hash in it.
  CHECK(shim({"/var/lib/rancher/k3s/data/" + kOther + "/bin/containerd-shim-runc-v2", "-namespace",
              "k8s.io", "-id", kId, "-address", "/run/k3s/containerd/containerd.sock"}) == kId);
  CHECK(shim({"containerd-shim", "-namespace", "moby", "-workdir",
              "/var/lib/docker/containerd/daemon/io.containerd.runtime.v1.linux/moby/" + kId,
              "-address", socket}) == kId);
}

TEST_CASE("a shim that names nobody serves nobody") {
  CHECK_FALSE(shim({}));
  CHECK_FALSE(shim({"/usr/bin/containerd-shim-runc-v2", "-v"}));
  CHECK_FALSE(shim({"/usr/bin/containerd-shim-runc-v2", "-id"}));
  CHECK_FALSE(shim({"-id", kId}));  // the program's own name
  CHECK_FALSE(shim({"shim", "-id", ""}));
  CHECK_FALSE(shim({"shim", "-id", "../../etc"}));
  CHECK_FALSE(shim({"shim", "-id", "two words"}));
  CHECK_FALSE(shim({"shim", "-id", "\n" + kId}));
  CHECK_FALSE(shim({"shim", "-id", "-namespace"}));
  CHECK_FALSE(shim({"shim", "-id", std::string(256, 'x')}));
  CHECK(shim({"shim", "-id", std::string(255, 'x')}));
  CHECK_FALSE(shim({"shim", "-identity", kId}));
  CHECK_FALSE(shim({"shim", "-workdir", "/run/" + kId + "x"}));
}

TEST_CASE("an argument that was cut is not believed") {
  const auto of = [](const std::string& text) {
    return served_container(ProcessKind::shim, "containerd-shim", text);
  };
  const std::string whole = line({"shim", "-id", "lonely"});
  CHECK(of(whole) == "lonely");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO(size);
    CHECK_FALSE(of(whole.substr(0, size)));
  }
  CHECK_FALSE(of(std::string(512, '\0')));
  CHECK_FALSE(of(std::string(512, '\xff')));
  CHECK_FALSE(of(std::string("shim -id ") + kId));
}

TEST_CASE("conmon serves a container, conmonrs a pod") {
  const std::string bundle = "/run/containers/storage/overlay-containers/" + kOther + "/userdata";
  CHECK(conmon({"/usr/bin/conmon", "--api-version", "1", "-c", kId, "-u", kId, "-r",
                "/usr/bin/crun", "-b", bundle, "-n", "web"}) == kId);
  CHECK(conmon({"/usr/bin/conmon", "-b", bundle, "-c", kId, "--exit-dir", "/var/run/crio/exits",
                "--log-level", "info"}) == kId);
  // An exec session has an id of its own.
  CHECK(conmon({"/usr/bin/conmon", "--api-version", "1", "-c", kId, "-u", kOther, "-e"}) == kId);
  CHECK(conmon({"conmon", "--cid", kId}) == kId);
  CHECK(conmon({"conmon", "--cid=" + kId}) == kId);
  CHECK_FALSE(conmon({"conmon", "--version"}));
  CHECK_FALSE(conmon({"conmon", "-c", "a/b"}));
  CHECK(
      served_container(ProcessKind::monitor, "conmonrs",
                       line({"/usr/bin/conmonrs", "--runtime", "/usr/bin/runc", "--runtime-dir",
                             "/var/lib/containers/storage/overlay-containers/" + kId + "/userdata",
                             "--runtime-root", "/run/runc", "--log-level", "info"})) == kId);
  CHECK_FALSE(served_container(ProcessKind::monitor, "conmonrs",
                               line({"conmonrs", "--runtime-dir", "/var/lib/containers"})));
}

TEST_CASE("runc that nobody we follow has started serves the container it is told to") {
  CHECK(runc({"/usr/bin/crun", "start", kId}) == kId);
  CHECK(runc({"/usr/bin/crun", "kill", kId, "9"}) == kId);
  CHECK(runc({"/usr/bin/runc", "delete", "--force", kId}) == kId);
  CHECK(runc({"runc", "--root=/run/runc", "--systemd-cgroup", "state", kId}) == kId);
  CHECK(runc({"/usr/bin/runc", "--log-format=json", "--log", "/run/" + kOther + "/oci-log",
              "create", "--bundle", "/run/" + kOther, "--pid-file", "/run/" + kOther + "/pidfile",
              kId}) == kId);
  CHECK(runc({"runc", "delete", "--force", "mine"}) == "mine");
  CHECK(runc({"runc", "kill", "mine", "KILL"}) == "mine");
  CHECK_FALSE(runc({"runc", "init"}));
  CHECK_FALSE(runc({"runc", "list"}));
  CHECK_FALSE(runc({"runc", "start"}));
  CHECK_FALSE(runc({"runc", "--version"}));
  CHECK_FALSE(runc({kId}));
  CHECK_FALSE(runc({"start", "mine"}));
  // Options of these may have values: what is no full id could be one of them.
  CHECK_FALSE(runc({"runc", "create", "--bundle", "b", "mine"}));
  CHECK_FALSE(runc({"runc", "run", "-b", "b", "mine"}));
}

TEST_CASE("what runs in a container cannot put its start on another's account") {
  CHECK(runc({"runc", "exec", kId, "sh", "-c", kOther}) == kId);
  CHECK(runc({"runc", "exec", "--process", "/tmp/p", "--detach", kId}) == kId);
  CHECK(runc({"runc", "exec", kId, "start", kOther}) == kId);
}

TEST_CASE("services serve no container") {
  CHECK_FALSE(
      served_container(ProcessKind::service, "containerd", line({"containerd", "-id", kId})));
}
