// SPDX-License-Identifier: Apache-2.0
// Cgroups that others named after a container.
#include "runtime_fake.h"

namespace throttlelens::test {
namespace {

const std::string kThief = "/user.slice/mine/cri-containerd-" + kId + ".scope";

TEST_CASE("a container's names belong to the cgroup that got them first") {
  const FakeStates states;
  states.put_containerd("k8s.io", kId, cri_bundle("server"));
  Identities identities(states.options());
  CHECK(only(identities.update(appeared(9, pod_path(kId)), at(0s)), 9).container == "server");
  const auto thief = only(identities.update(appeared(10, kThief), at(1s)), 10);
  CHECK_FALSE(thief.from_files);
  CHECK(thief.container == kId);
  CHECK(thief.pod.empty());
  CHECK(thief.image.empty());
  for (int second = 2; second < 100; ++second) {
    CHECK(identities.update({}, at(second * 1s)).empty());
  }
  CHECK(identities.errors() == std::vector<MetadataErrors>{{.source = "claimed", .count = 1}});
  const auto warnings = identities.take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].on == kThief);
  identities.update(appeared(11, "/user.slice/other/" + kId), at(100s));
  CHECK(count_of(identities, "claimed") == 2);
  CHECK(identities.take_warnings().empty());
  SECTION("and are its own again after a restart") {
    TreeChanges restarted = appeared(12, pod_path(kId));
    restarted.gone.push_back({9});
    CHECK(only(identities.update(restarted, at(101s)), 12).container == "server");
  }
  SECTION("and are free when it is gone") {
    CHECK(identities.update(gone(10), at(101s)).empty());
    CHECK(identities.update(gone(9), at(101s)).empty());
    for (int second = 102; second < 130; ++second) {
      CHECK(identities.update({}, at(second * 1s)).empty());
    }
    identities.update({}, at(130s));
    CHECK(only(identities.update({}, at(160s)), 11).container == "server");
  }
}

TEST_CASE("of those that come together the oldest gets the names") {
  const FakeStates states;
  states.put_containerd("k8s.io", kId, cri_bundle("server"));
  Identities identities(states.options());
  TreeChanges changes = appeared(20, kThief);
  changes.appeared.push_back({.key = {9}, .parent = {1}, .path = pod_path(kId)});
  const auto told = identities.update(changes, at(0s));
  REQUIRE(told.size() == 2);
  CHECK(told[0].key.id == 9);
  CHECK(told[0].identity->from_files);
  CHECK_FALSE(told[1].identity->from_files);
}

TEST_CASE("names without that of the container are not to be had by another either") {
  const FakeStates states;
  states.put_containerd("moby", kId, "{}");
  Identities identities(states.options());
  CHECK(only(identities.update(appeared(9, "/docker/" + kId), at(0s)), 9).from_files);
  CHECK_FALSE(only(identities.update(appeared(10, "/x/docker/" + kId), at(10ms)), 10).from_files);
  states.put_docker(kId, R"({"Name":"/web"})");
  CHECK(only(identities.update({}, at(30s)), 9).container == "web");
}

TEST_CASE("names of another pod are refused") {
  const FakeStates states;
  states.put_containerd("k8s.io", kId, cri_bundle("server"));
  Identities identities(states.options());
  const std::string path = "/kubepods.slice/kubepods-pod77.slice/cri-containerd-" + kId + ".scope";
  const auto told = only(identities.update(appeared(9, path), at(0s)), 9);
  CHECK_FALSE(told.from_files);
  CHECK(told.pod == "77");
  CHECK(told.pod_namespace.empty());
  for (int second = 1; second < 60; ++second) CHECK(identities.update({}, at(second * 1s)).empty());
  CHECK(identities.errors() == std::vector<MetadataErrors>{{.source = "claimed", .count = 1}});
  CHECK(identities.take_warnings().size() == 1);
  CHECK(only(identities.update(appeared(10, pod_path(kId)), at(60s)), 10).container == "server");
}

TEST_CASE("the uid of a static pod, and of none") {
  const FakeStates states;
  const std::string uid = "0123456789abcdef0123456789abcdef";
  const auto bundle = [](const std::string& of) {
    return R"({"annotations":{"io.kubernetes.cri.container-name":"etcd",)"
           R"("io.kubernetes.cri.sandbox-uid":")" +
           of + "\"}}";
  };
  const std::string path = "/kubepods/burstable/pod" + uid + "/" + kId;
  for (const std::string& of : {uid, std::string()}) {
    states.put_containerd("k8s.io", kId, bundle(of));
    Identities identities(states.options());
    const auto told = only(identities.update(appeared(9, path), at(0s)), 9);
    CHECK(told.container == "etcd");
    CHECK(told.uid == uid);
  }
}

TEST_CASE("a monitor takes no names from its container, and gives none to a pod") {
  const FakeStates states;
  states.put_containerd("k8s.io", kId, cri_bundle("server"));
  Identities identities(states.options());
  const std::string conmon = "crio-conmon-" + kId;
  const auto monitor = only(identities.update(appeared(8, pod_path(conmon), 5), at(0s)), 8);
  CHECK(monitor.pod == "web-0");
  CHECK(monitor.pod_cgroup == CgroupKey{});
  CHECK(only(identities.update(appeared(9, pod_path(kId), 5), at(0s)), 9).from_files);
  const std::string thief = "/user.slice/" + conmon + ".scope";
  CHECK_FALSE(only(identities.update(appeared(10, thief), at(0s)), 10).from_files);
  CHECK(count_of(identities, "claimed") == 1);
}

TEST_CASE("a container with a name for an id is one cgroup") {
  const FakeStates states;
  states.put_containerd("default", "web", "{}");
  Identities identities(states.options());
  CHECK(only(identities.update(appeared(9, "/default/web"), at(0s)), 9).container == "web");
  CHECK(identities.update(appeared(10, "/user.slice/default/web"), at(1s)).empty());
  for (int second = 2; second < 60; ++second) CHECK(identities.update({}, at(second * 1s)).empty());
  CHECK(count_of(identities, "claimed") == 1);
  CHECK(identities.update(gone(9), at(60s)).empty());
  identities.update({}, at(95s));
  CHECK(only(identities.update({}, at(125s)), 10).container == "web");
}

}  // namespace
}  // namespace throttlelens::test
