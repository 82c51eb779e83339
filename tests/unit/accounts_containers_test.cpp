// SPDX-License-Identifier: Apache-2.0
// The life of containers and pods: restarts, ends, and what becomes of what they had counted.
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "accounts/accounts.h"
#include "accounts_node.h"

namespace throttlelens {
namespace {

using namespace std::chrono_literals;
using namespace accounts_tests;

std::vector<std::string> paths(const Snapshot& snapshot) {
  std::vector<std::string> paths;
  for (const CgroupRow& row : snapshot.cgroups) paths.push_back(*row.path);
  return paths;
}

TEST_CASE("a container leaves the cgroups' rows and gets one of its own; the sandbox gets none") {
  Node node;
  run_pod(node);
  node.use(kWeb, 30ms);
  node.use(kPod, 31ms);
  const auto seen = node.look();
  CHECK(paths(*seen) == std::vector<std::string>{"/", "/kubepods", "/kubepods/pod"});
  CHECK(seen->cgroups[1].holds_containers);
  CHECK(seen->cgroups[2].holds_containers);
  REQUIRE(seen->containers.size() == 1);
  const ContainerRow& web = seen->containers[0];
  CHECK(web.identity->container == "web");
  CHECK(web.cpu.key == kWeb);
  CHECK(web.cpu.alive);
  CHECK(web.cpu.usage == 30ms);
  CHECK(web.cpu.windows.at(0).last == Nanoseconds(13));
  REQUIRE(seen->pods.size() == 1);
  CHECK(seen->pods[0].pod == "cart-0");
  CHECK(seen->pods[0].uid == "uid-cart-0");
  CHECK(seen->pods[0].cpu.usage == 31ms);
}

TEST_CASE("what turns out to be a sandbox loses the row it had") {
  Node node;
  node.appear(kWeb, {1}, "/pod/0123");
  node.name(kWeb, "0123");
  CHECK(node.look()->containers.size() == 1);
  Identified sandbox = Node::identity(kWeb, "pause", {}, "cart-0");
  ContainerIdentity role = *sandbox.identity;
  role.role = ContainerRole::sandbox;
  sandbox.identity = std::make_shared<const ContainerIdentity>(role);
  node.accounts.identify({sandbox}, {}, node.now);
  CHECK(node.look()->containers.empty());
}

TEST_CASE("a monitor stays a cgroup") {
  Node node;
  node.appear(kWeb, {1}, "/conmon");
  Identified monitor = Node::identity(kWeb, "web", {}, "");
  ContainerIdentity role = *monitor.identity;
  role.role = ContainerRole::monitor;
  monitor.identity = std::make_shared<const ContainerIdentity>(role);
  node.accounts.identify({monitor}, {}, node.now);
  CHECK(paths(*node.look()) == std::vector<std::string>{"/", "/conmon"});
  CHECK(node.look()->containers.empty());
}

TEST_CASE("a name may come before its cgroup, and a better one later") {
  Node node;
  node.name(kWeb, "0123abcd");
  CHECK(node.look()->containers.empty());
  node.appear(kWeb, {1}, "/web");
  node.use(kWeb, 5ms);
  REQUIRE(node.look()->containers.size() == 1);
  node.name(kWeb, "web");
  REQUIRE(node.look()->containers.size() == 1);
  CHECK(node.look()->containers[0].identity->container == "web");
  CHECK(node.look()->containers[0].cpu.usage == 5ms);
  CHECK(paths(*node.look()) == std::vector<std::string>{"/"});
}

TEST_CASE("a restarted container is one row whose counters go on") {
  Node node;
  run_pod(node);
  node.use(kWeb, 30ms);
  node.limit(kWeb, 10);
  node.gone(kWeb);
  node.pass(5s);
  CHECK_FALSE(node.look()->containers.at(0).cpu.alive);
  node.appear(kWebAgain, kPod, "/kubepods/pod/web-again");
  node.name(kWebAgain, "web", kPod, "cart-0");
  node.use(kWebAgain, 7ms);
  node.limit(kWebAgain, 4);

  // The same while the row of the first is still kept and after it ended.
  for (int i = 0; i < 2; ++i) {
    const auto seen = node.look();
    REQUIRE(seen->containers.size() == 1);
    const ContainerRow& web = seen->containers[0];
    CHECK(web.identity->container_id == "14");
    CHECK(web.cpu.key == kWebAgain);
    CHECK(web.cpu.alive);
    CHECK(web.cpu.usage == 37ms);
    CHECK(web.cpu.bandwidth->nr_periods == 14);
    CHECK(web.cpu.bandwidth->nr_throttled == 7);
    CHECK(web.cpu.bandwidth->throttled_time == 14ms);
    CHECK(web.cpu.bandwidth->nr_bursts == 2U);
    CHECK(web.cpu.bandwidth->burst_time == 4ms);
    CHECK(web.cpu.bandwidth->limit->quota == 50ms);
    CHECK(web.cpu.limit_ratio->buckets[3] == 14);
    CHECK(web.cpu.limit_ratio->sum == 7);
    CHECK(web.cpu.windows.at(0).last == Nanoseconds(14));
    node.pass(60s);
  }
  CHECK(node.totals.count(kWeb) == 0);
}

TEST_CASE("two at a time under one name add up, the newer one is shown") {
  Node node;
  run_pod(node);
  node.appear(kWebAgain, kPod, "/kubepods/pod/web-again");
  node.name(kWebAgain, "web", kPod, "cart-0");
  node.use(kWeb, 1ms);
  node.use(kWebAgain, 2ms);
  REQUIRE(node.look()->containers.size() == 1);
  CHECK(node.look()->containers[0].cpu.usage == 3ms);
  CHECK(node.look()->containers[0].cpu.key == kWebAgain);
  node.gone(kWebAgain);
  CHECK(node.look()->containers[0].cpu.key == kWeb);
  CHECK(node.look()->containers[0].cpu.usage == 3ms);
}

TEST_CASE("what a pod used is its namespace's once its row is gone, and counts once") {
  Node node;
  run_pod(node);
  node.use(kWeb, 30ms);
  node.use(kPod, 33ms);
  for (const CgroupKey key : {kWeb, kSandbox, kPod}) node.gone(key);
  node.pass(59s);
  CHECK(node.look()->pods.at(0).cpu.usage == 33ms);
  CHECK(node.ended("shop") == 0ns);
  node.pass(1s);
  CHECK(node.look()->pods.empty());
  CHECK(node.look()->containers.empty());
  CHECK(node.ended("shop") == 33ms);
  node.pass(100s);
  CHECK(node.ended("shop") == 33ms);
}

TEST_CASE("a pod that takes the place of one of the same name goes on where that one was") {
  Node node;
  run_pod(node);
  node.use(kPod, 33ms);
  for (const CgroupKey key : {kWeb, kSandbox, kPod}) node.gone(key);
  node.pass(30s);
  node.appear({21}, kPods, "/kubepods/pod2");
  node.appear({22}, {21}, "/kubepods/pod2/web");
  node.name({22}, "web", {21}, "cart-0");
  node.use({21}, 4ms);
  node.pass(60s);
  REQUIRE(node.look()->pods.size() == 1);
  CHECK(node.look()->pods[0].cpu.usage == 37ms);
  CHECK(node.ended("shop") == 0ns);
  node.gone({22});
  node.gone({21});
  node.pass(60s);
  CHECK(node.ended("shop") == 37ms);
}

TEST_CASE("a container without a pod is its namespace's when it ends") {
  Node node;
  node.appear(kWeb, {1}, "/default/web", 2ms);
  node.name(kWeb, "web");
  node.use(kWeb, 5ms);
  // A new one of the same path ends the row of the old one at once; the name, which is known
  // before the window is, goes on.
  node.accounts.identify({}, {kWeb}, node.now);
  node.name(kWebAgain, "web");
  node.appear(kWebAgain, {1}, "/default/web");
  node.use(kWebAgain, 3ms);
  CHECK(node.look()->containers.at(0).cpu.usage == 10ms);
  CHECK(node.ended("") == 0ns);
  node.gone(kWebAgain);
  node.pass(60s);
  CHECK(node.look()->containers.empty());
  CHECK(node.ended("") == 10ms);
}

TEST_CASE("a counter whose start is not known makes no total") {
  Node node;
  node.appear(kWeb, {1}, "/a/web", 5ms);
  node.name(kWeb, "web");
  node.gone(kWeb);
  node.appear(kWebAgain, {1}, "/b/web", std::nullopt);
  node.name(kWebAgain, "web");
  node.use(kWebAgain, 3ms);
  CHECK_FALSE(node.look()->containers.at(0).cpu.usage);
}

TEST_CASE("a container known from its path only does not rename the pod others named") {
  Node node;
  run_pod(node);
  Identified stranger = Node::identity(kWebAgain, "0123", kPod, "uid-cart-0");
  ContainerIdentity from_path = *stranger.identity;
  from_path.from_files = false;
  from_path.pod_namespace = "";
  stranger.identity = std::make_shared<const ContainerIdentity>(from_path);
  node.appear(kWebAgain, kPod, "/kubepods/pod/0123");
  node.accounts.identify({stranger}, {}, node.now);
  REQUIRE(node.look()->pods.size() == 1);
  CHECK(node.look()->pods[0].pod == "cart-0");
  CHECK(node.look()->containers.size() == 2);
}

TEST_CASE("the request follows the weight, the mapping is the node's") {
  Node node;
  run_pod(node);
  Identified asked = Node::identity(kWeb, "web", kPod, "cart-0");
  ContainerIdentity with_shares = *asked.identity;
  with_shares.shares = 512;
  asked.identity = std::make_shared<const ContainerIdentity>(with_shares);
  node.accounts.identify({asked}, {}, node.now);
  CHECK(node.look()->containers.at(0).request == CpuRequest{.cores = 0.5, .source = "bundle"});
  node.accounts.set_weight(kWeb, {.scale = CpuWeight::Scale::weight, .value = 59});
  CHECK(node.look()->containers.at(0).request == CpuRequest{.cores = 0.5, .source = "shares"});
  node.accounts.set_weight(kWeb, {.scale = CpuWeight::Scale::weight, .value = 200});
  CHECK(node.look()->containers.at(0).request->source == "weight_log");
  CHECK(node.accounts.is_container(kWeb));
  CHECK_FALSE(node.accounts.is_container(kPod));
}

TEST_CASE("names of cgroups that left without a row are forgotten") {
  Node node;
  node.name(kWeb, "web", kPod, "cart-0");
  node.pass(1000s);
  CHECK(node.accounts.is_container(kWeb));  // beyond max_cgroups, say
  node.accounts.identify({}, {kWeb, kPod}, node.now);
  node.pass(29s);
  CHECK(node.accounts.is_container(kWeb));
  node.pass(1s);
  CHECK_FALSE(node.accounts.is_container(kWeb));
  CHECK(node.look()->pods.empty());
}

TEST_CASE("what a pod had used is not lost when one that took its name never had a row") {
  Node node;
  run_pod(node);
  node.use(kPod, 33ms);
  for (const CgroupKey key : {kWeb, kSandbox, kPod}) node.gone(key);
  node.name({22}, "web", {21}, "cart-0");
  node.pass(60s);
  node.accounts.identify({}, {{22}, {21}}, node.now);
  node.pass(60s);
  CHECK(node.ended("shop") == 33ms);
}

TEST_CASE("a cgroup that is announced again, as its controller comes back, is the same container") {
  Node node;
  run_pod(node);
  WindowBatch batch;
  batch.gone.push_back(kWeb);  // of the source; the directory is still there
  node.accounts.apply(batch, node.now);
  node.pass(100s);
  CHECK(node.look()->containers.empty());
  node.appear(kWeb, kPod, "/kubepods/pod/web");
  REQUIRE(node.look()->containers.size() == 1);
  CHECK(node.look()->containers[0].identity->container == "web");
}

TEST_CASE("a pod within a container is counted once when both have ended") {
  Node node;
  node.appear({5}, {1}, "/docker/node");
  node.name({5}, "kind-node");
  node.appear({6}, {5}, "/docker/node/pod");
  node.appear({7}, {6}, "/docker/node/pod/web");
  node.name({7}, "web", {6}, "cart-0");
  for (const CgroupKey key : {CgroupKey{5}, CgroupKey{6}, CgroupKey{7}}) node.use(key, 5ms);
  CHECK(node.look()->cgroups.size() == 2);  // "/" and the pod's
  CHECK(node.look()->cgroups[1].in_container);
  node.gone({7});
  node.gone({6});
  node.pass(60s);
  CHECK(node.ended("shop") == 0ns);
  node.gone({5});
  node.pass(60s);
  CHECK(node.ended("shop") == 0ns);
  CHECK(node.ended("") == 5ms);
}

TEST_CASE("a container whose pod has no row is counted by itself") {
  Node node;
  node.appear(kWeb, kPod, "/kubepods/pod/web");  // the pod is beyond max_cgroups
  node.name(kWeb, "web", kPod, "cart-0");
  node.use(kWeb, 5ms);
  node.gone(kWeb);
  node.pass(60s);
  CHECK(node.ended("shop") == 5ms);
}

TEST_CASE("two runtimes may have a container of the same name each") {
  Node node;
  node.appear(kWeb, {1}, "/docker/1");
  node.name(kWeb, "web");
  node.appear(kWebAgain, {1}, "/podman/2");
  node.name(kWebAgain, "web");
  node.use(kWeb, 1ms);
  node.use(kWebAgain, 2ms);
  auto seen = node.look();
  REQUIRE(seen->containers.size() == 2);
  CHECK(seen->containers[0].identity->container == "web");
  CHECK(seen->containers[0].cpu.usage == 1ms);
  CHECK(seen->containers[1].identity->container == "web~14");
  CHECK(seen->containers[1].cpu.usage == 2ms);
  // One made anew when the other is gone is its successor.
  node.gone(kWeb);
  node.appear({15}, {1}, "/docker/3");
  node.name({15}, "web");
  node.use({15}, 4ms);
  seen = node.look();
  REQUIRE(seen->containers.size() == 2);
  CHECK(seen->containers[0].cpu.usage == 5ms);
}

TEST_CASE("what nobody wants to see does not come back as ended") {
  Node node;
  node.accounts.set_filters({}, {"/docker*"});
  node.appear(kWeb, {1}, "/docker/1");
  node.name(kWeb, "web");
  node.use(kWeb, 5ms);
  node.gone(kWeb);
  node.pass(60s);
  CHECK(node.look()->ended.empty());
}

TEST_CASE("ended rows have a bound, and what they had counted stays") {
  AccountsOptions options = Node::options();
  options.max_dead = 10;
  Node node(options);
  for (std::uint64_t i = 100; i < 150; ++i) {
    const CgroupKey key{i};
    node.appear(key, {1}, "/" + std::to_string(i));
    node.name(key, std::to_string(i));
    node.use(key, 1ms);
    node.gone(key);
  }
  CHECK(node.look()->containers.size() == 10);
  CHECK(node.ended("") == 40ms);
}

TEST_CASE("ten thousand restarts leave one row and nothing else behind") {
  Node node;
  node.appear(kPods, {1}, "/kubepods");
  node.appear(kPod, kPods, "/kubepods/pod");
  for (std::uint64_t i = 100; i < 10100; ++i) {
    const CgroupKey key{i};
    node.appear(key, kPod, "/kubepods/pod/" + std::to_string(i));
    node.name(key, "web", kPod, "cart-0");
    node.use(key, 1ms);
    node.gone(key);
    node.pass(1s);
  }
  CHECK(node.look()->containers.size() == 1);
  CHECK(node.look()->containers[0].cpu.usage == 10s);
  CHECK(node.totals.size() <= 64);
  node.pass(60s);
  CHECK(node.totals.size() == 3);
}

}  // namespace
}  // namespace throttlelens
