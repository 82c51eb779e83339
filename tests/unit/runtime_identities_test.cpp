// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "runtime_fake.h"

namespace throttlelens::test {
namespace {

const TreeChanges kNothing;

TEST_CASE("a container of containerd is known when its cgroup appears") {
  const FakeStates states;
  states.put_containerd("k8s.io", kId, cri_bundle("server"));
  Identities identities(states.options());
  const auto told = identities.update(appeared(9, pod_path(kId), 5), at(0s));
  const ContainerIdentity expected{.role = ContainerRole::application,
                                   .from_files = true,
                                   .runtime = "containerd",
                                   .container_id = kId,
                                   .pod_namespace = "shop",
                                   .pod = "web-0",
                                   .container = "server",
                                   .uid = kUid,
                                   .image = "registry.example/web:1",
                                   .qos = "burstable",
                                   .shares = 512,
                                   .pod_cgroup = {5}};
  CHECK(only(told, 9) == expected);
  for (int i = 1; i < 100; ++i) CHECK(identities.update(kNothing, at(i * 1s)).empty());
  CHECK(identities.errors().empty());
  CHECK(identities.take_warnings().empty());
}

TEST_CASE("without files a container is told from its path, and again when they are there") {
  const FakeStates states;
  Identities identities(states.options());
  const ContainerIdentity before =
      only(identities.update(appeared(9, pod_path(kId), 5), at(0s)), 9);
  CHECK_FALSE(before.from_files);
  CHECK(before.container == kId);
  CHECK(before.pod == kUid);
  CHECK(before.uid == kUid);
  CHECK(before.pod_namespace.empty());
  CHECK(before.qos == "burstable");
  CHECK(before.pod_cgroup == CgroupKey{5});
  states.put_containerd("k8s.io", kId, cri_bundle("server"));
  CHECK(identities.update(kNothing, at(90ms)).empty());
  CHECK(only(identities.update(kNothing, at(110ms)), 9).container == "server");
  CHECK(identities.update(kNothing, at(30s)).empty());
  CHECK(identities.errors().empty());
}

TEST_CASE("it is looked for less and less often, at least every 30 s") {
  const FakeStates states;
  Identities identities(states.options());
  REQUIRE(identities.update(appeared(9, pod_path(kId)), at(0s)).size() == 1);
  for (int tenth = 1; tenth < 2000; ++tenth) {
    REQUIRE(identities.update(kNothing, at(tenth * 100ms)).empty());
  }
  states.put_containerd("k8s.io", kId, cri_bundle("server"));
  int told = 0;
  for (int tenth = 2000; tenth <= 2301; ++tenth) {
    told += static_cast<int>(identities.update(kNothing, at(tenth * 100ms)).size());
  }
  CHECK(told == 1);
}

TEST_CASE("no file after ten seconds is counted once a container") {
  const FakeStates states;
  Identities identities(states.options());
  identities.update(appeared(9, pod_path(kId)), at(0s));
  identities.update(appeared(8, "/docker/" + kId), at(0s));
  identities.update(appeared(7, "/system.slice/crio-conmon-" + kId + ".scope"), at(0s));
  for (int tenth = 1; tenth < 70; ++tenth) identities.update(kNothing, at(tenth * 100ms));
  CHECK(identities.errors().empty());
  for (int second = 7; second < 100; ++second) identities.update(kNothing, at(second * 1s));
  CHECK(identities.errors() == std::vector<MetadataErrors>{{.source = "none", .count = 2}});
}

TEST_CASE("what is gone is forgotten") {
  const FakeStates states;
  Identities identities(states.options());
  REQUIRE(identities.update(appeared(9, pod_path(kId)), at(0s)).size() == 1);
  TreeChanges gone;
  gone.gone.push_back({9});
  CHECK(identities.update(gone, at(50ms)).empty());
  states.put_containerd("k8s.io", kId, cri_bundle("server"));
  for (int i = 1; i < 100; ++i) CHECK(identities.update(kNothing, at(i * 1s)).empty());
  CHECK(identities.errors().empty());
}

TEST_CASE("a bundle that stays wrong is counted and warned of once, and taken when it is right") {
  const FakeStates states;
  states.put_containerd("k8s.io", kId, "{\"annotations\":");
  Identities identities(states.options());
  CHECK_FALSE(only(identities.update(appeared(9, pod_path(kId)), at(0s)), 9).from_files);
  CHECK(identities.errors().empty());  // it may be half written
  for (int i = 1; i < 50; ++i) CHECK(identities.update(kNothing, at(i * 1s)).empty());
  CHECK(identities.errors() == std::vector<MetadataErrors>{{.source = "containerd", .count = 1}});
  const auto warnings = identities.take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].on ==
        states.path("containerd/io.containerd.runtime.v2.task/k8s.io/" + kId + "/config.json"));
  CHECK(identities.take_warnings().empty());
  states.put_containerd("k8s.io", kId, cri_bundle("server"));
  CHECK(only(identities.update(kNothing, at(90s)), 9).container == "server");
}

TEST_CASE("sandboxes and monitors have a role of their own") {
  const FakeStates states;
  states.put_containerd("k8s.io", kId, cri_bundle("", "sandbox"));
  Identities identities(states.options());
  const auto sandbox = only(identities.update(appeared(9, pod_path(kId)), at(0s)), 9);
  CHECK(sandbox.role == ContainerRole::sandbox);
  CHECK(sandbox.container == kId);
  CHECK(sandbox.pod == "web-0");
  const auto monitor =
      only(identities.update(appeared(8, pod_path("crio-conmon-" + kId)), at(0s)), 8);
  CHECK(monitor.role == ContainerRole::monitor);
  CHECK(monitor.container_id == kId);
  CHECK(monitor.pod == "web-0");
}

TEST_CASE("a container with a name for an id takes a bundle in its namespace") {
  const FakeStates states;
  states.put_containerd("default", "web", "{\"annotations\":null,\"linux\":{}}");
  Identities identities(states.options());
  const auto web = only(identities.update(appeared(9, "/default/web"), at(0s)), 9);
  CHECK(web.from_files);
  CHECK(web.container == "web");
  CHECK(web.container_id == "web");
  CHECK(web.runtime == "containerd");
  CHECK(web.pod.empty());
  CHECK(identities.update(appeared(10, "/other/web"), at(0s)).empty());
  CHECK(identities.update(appeared(11, "/default/db"), at(0s)).empty());
  CHECK(identities.update(appeared(12, "/default/web/inner"), at(0s)).empty());
  CHECK(identities.update(appeared(13, "/system.slice/ssh.service"), at(0s)).empty());
  states.put_containerd("default", "db", "{}");
  CHECK(identities.update(kNothing, at(900ms)).empty());
  CHECK(only(identities.update(kNothing, at(1s)), 11).container == "db");
  states.put_containerd("system.slice", "ssh.service", "{}");  // too late
  for (int i = 2; i < 60; ++i) CHECK(identities.update(kNothing, at(i * 1s)).empty());
  CHECK(identities.errors().empty());
}

TEST_CASE("many at once are looked up over several updates, each once") {
  const FakeStates states;
  TreeChanges changes;
  constexpr std::uint64_t kMany = 300;
  for (std::uint64_t key = 1; key <= kMany; ++key) {
    const std::string id = kId.substr(3) + std::to_string(1000 + key).substr(1);
    states.put_containerd("k8s.io", id, cri_bundle("c" + std::to_string(key)));
    changes.appeared.push_back({.key = {key}, .parent = {9999}, .path = pod_path(id)});
  }
  Identities identities(states.options());
  auto told = identities.update(changes, at(0s));
  CHECK(told.size() == 128);
  for (int i = 1; i <= 2; ++i) {
    for (auto& one : identities.update(kNothing, at(i * 100ms))) told.push_back(std::move(one));
  }
  REQUIRE(told.size() == kMany);
  for (const Identified& one : told) {
    CHECK(one.identity->container == "c" + std::to_string(one.key.id));
  }
}

}  // namespace
}  // namespace throttlelens::test
