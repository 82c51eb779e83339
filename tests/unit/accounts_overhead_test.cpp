// SPDX-License-Identifier: Apache-2.0
// What pods cost: pause from the sandboxes' cgroups joined with what was measured of processes.
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "accounts/accounts.h"
#include "accounts_node.h"

namespace throttlelens {
namespace {

using namespace std::chrono_literals;
using namespace accounts_tests;

constexpr std::size_t kShim = 0;
constexpr std::size_t kPause = 2;

OverheadRow measured(const std::string& pod_namespace, const std::string& pod,
                     const std::string& container, std::optional<Nanoseconds> shim) {
  OverheadRow row;
  row.pod_namespace = pod_namespace;
  row.pod = pod;
  row.container = container;
  row.parts[kShim] = {.cpu = shim, .private_memory = 4096};
  return row;
}

/// As "namespace/pod/container shim pause", in milliseconds, "-" where absent.
std::vector<std::string> rows(const Snapshot& snapshot) {
  std::vector<std::string> out;
  const auto text = [](std::optional<Nanoseconds> time) {
    return time ? std::to_string(*time / 1ms) : std::string("-");
  };
  for (const OverheadRow& row : snapshot.overhead) {
    out.push_back(row.pod_namespace + "/" + row.pod + "/" + row.container + " " +
                  text(row.parts[kShim].cpu) + " " + text(row.parts[kPause].cpu));
  }
  return out;
}
using Rows = std::vector<std::string>;

void add_sandbox(Node& node, CgroupKey key, CgroupKey pod_cgroup, const std::string& pod) {
  node.accounts.identify({of_role(ContainerRole::sandbox, key, "pause", pod_cgroup, pod)}, {},
                         node.now);
}

TEST_CASE("what pause used joins what was measured, in the order of names") {
  Node node;
  run_pod(node);
  node.use(kSandbox, 7ms);
  node.appear({40}, {1}, "/a-pod/pause");
  add_sandbox(node, {40}, {}, "a-pod");
  node.overhead.rows = {measured("", "", "web", 1ms), measured("shop", "cart-0", "", 2ms),
                        measured("shop", "z-pod", "", 3ms)};
  node.overhead.rows[1].parts[kPause].private_memory = 65536;
  const auto seen = node.look();
  CHECK(rows(*seen) == Rows{"//web 1 -", "shop/a-pod/ - 0", "shop/cart-0/ 2 7", "shop/z-pod/ 3 -"});
  CHECK(seen->overhead[2].parts[kPause].private_memory == 65536U);
  CHECK(seen->overhead[2].parts[kShim].private_memory == 4096U);
  CHECK_FALSE(seen->overhead[1].parts[kShim].private_memory);
}

TEST_CASE("the rest of the reading is passed through, and marks have no memory") {
  Node node;
  node.overhead.node = {{1ms, 2ms, std::nullopt, 4ms}};
  node.overhead.services = {{.name = "kubelet", .cpu = 5ms, .private_memory = 6}};
  node.overhead.lost_processes = 7;
  const auto seen = node.look();
  CHECK(seen->node_overhead == node.overhead.node);
  REQUIRE(seen->services.size() == 1);
  CHECK(seen->services[0].private_memory == 6U);
  CHECK(seen->lost_processes == 7U);
  node.mark();
  const Mark& mark = *node.look()->marks->back();
  CHECK(mark.node_overhead == node.overhead.node);
  REQUIRE(mark.services.size() == 1);
  CHECK(mark.services[0].name == "kubelet");
  CHECK(mark.services[0].cpu == 5ms);
  CHECK_FALSE(mark.services[0].private_memory);
}

TEST_CASE("pause goes on when a pod of its name comes again, and the node keeps all there was") {
  Node node;
  CHECK_FALSE(node.look()->node_overhead[kPause]);
  run_pod(node);
  node.use(kSandbox, 7ms);
  const std::uint64_t id = node.look()->overhead.at(0).id;
  for (const CgroupKey key : {kWeb, kSandbox, kPod}) node.gone(key);
  CHECK_FALSE(node.look()->overhead.at(0).alive);
  node.pass(30s);
  node.appear({21}, kPods, "/kubepods/pod2");
  node.appear({22}, {21}, "/kubepods/pod2/pause");
  add_sandbox(node, {22}, {21}, "cart-0");
  node.use({22}, 5ms);
  for (int i = 0; i < 2; ++i) {  // before and after the row of the first has ended
    CHECK(rows(*node.look()) == Rows{"shop/cart-0/ - 12"});
    CHECK(node.look()->overhead[0].id == id);
    CHECK(node.look()->overhead[0].alive);
    CHECK(node.look()->node_overhead[kPause] == 12ms);
    node.pass(60s);
  }
  node.gone({22});
  node.gone({21});
  node.pass(60s);
  CHECK(node.look()->overhead.empty());
  CHECK(node.look()->node_overhead[kPause] == 12ms);
  node.appear({31}, {1}, "/other");
  add_sandbox(node, {31}, {}, "cart-0");
  node.use({31}, 1ms);
  CHECK(rows(*node.look()) == Rows{"shop/cart-0/ - 1"});
  CHECK(node.look()->overhead[0].id != id);
  CHECK(node.look()->node_overhead[kPause] == 13ms);
}

TEST_CASE("pause goes on in a row that outlives its sandboxes") {
  Node node;
  run_pod(node);
  node.use(kSandbox, 7ms);
  node.overhead.rows = {measured("shop", "cart-0", "", 2ms)};
  const std::uint64_t id = node.look()->overhead.at(0).id;
  for (const CgroupKey key : {kWeb, kSandbox, kPod}) node.gone(key);
  node.pass(60s);
  CHECK(rows(*node.look()) == Rows{"shop/cart-0/ 2 7"});
  node.appear({22}, {1}, "/pause");
  add_sandbox(node, {22}, {}, "cart-0");
  node.use({22}, 5ms);
  CHECK(rows(*node.look()) == Rows{"shop/cart-0/ 2 12"});
  CHECK(node.look()->overhead[0].id == id);
  CHECK(node.look()->node_overhead[kPause] == 12ms);
}

TEST_CASE("pause is absent when its start is not known") {
  Node node;
  node.appear({40}, {1}, "/pause", std::nullopt);
  add_sandbox(node, {40}, {}, "cart-0");
  node.use({40}, 5ms);
  CHECK(rows(*node.look()) == Rows{"shop/cart-0/ - -"});
  CHECK_FALSE(node.look()->node_overhead[kPause]);
}

TEST_CASE("a row of overhead has its number while it is kept, and no other row has it") {
  Node node;
  run_pod(node);
  node.overhead.rows = {measured("", "", "b", 1ms), measured("shop", "cart-0", "", 2ms)};
  const auto first = node.look();
  std::set<std::uint64_t> ids{0};
  for (const OverheadRow& row : first->overhead) CHECK(ids.insert(row.id).second);
  for (const CgroupRow& row : first->cgroups) CHECK(ids.insert(row.id).second);
  for (const ContainerRow& row : first->containers) CHECK(ids.insert(row.cpu.id).second);
  for (const PodRow& row : first->pods) CHECK(ids.insert(row.cpu.id).second);

  node.overhead.rows.insert(node.overhead.rows.begin(), measured("", "", "a", 1ms));
  node.mark();
  auto seen = node.look();
  REQUIRE(seen->overhead.size() == 3);
  CHECK(ids.insert(seen->overhead[0].id).second);
  CHECK(seen->overhead[1].id == first->overhead[0].id);
  CHECK(seen->overhead[2].id == first->overhead[1].id);
  REQUIRE(seen->marks->back()->overhead.size() == 3);

  node.overhead.rows.erase(node.overhead.rows.begin() + 1);  // "b" is gone, and comes again
  CHECK(node.look()->overhead.size() == 2);
  node.overhead.rows.push_back(measured("", "", "b", 0ms));
  std::swap(node.overhead.rows[1], node.overhead.rows[2]);
  seen = node.look();
  CHECK(ids.insert(seen->overhead[1].id).second);
}

TEST_CASE("a pod whose rows are hidden shows no overhead") {
  Node node;
  run_pod(node);
  node.use(kSandbox, 7ms);
  node.appear({50}, {1}, "/web");
  node.name({50}, "web");
  node.overhead.rows = {measured("", "", "web", 1ms), measured("shop", "cart-0", "", 2ms)};

  SECTION("all of it") {
    node.accounts.set_filters({}, {"/kubepods*"});
    CHECK(rows(*node.look()) == Rows{"//web 1 -"});
    node.mark();
    CHECK(node.look()->marks->back()->overhead.size() == 1);
    // The node's sums are of all.
    CHECK(node.look()->node_overhead[kPause] == 7ms);
    // What was measured may be told for longer than the rows are kept.
    for (const CgroupKey key : {kWeb, kSandbox, kPod}) node.gone(key);
    node.pass(60s);
    CHECK(node.look()->pods.empty());
    CHECK(rows(*node.look()) == Rows{"//web 1 -"});
    node.accounts.set_filters({}, {});
  }
  SECTION("one that shows some of its rows is shown") {
    node.accounts.set_filters({"*/web"}, {});
    CHECK(rows(*node.look()) == Rows{"//web 1 -", "shop/cart-0/ 2 7"});
    node.accounts.set_filters({}, {"/web"});
    CHECK(rows(*node.look()) == Rows{"shop/cart-0/ 2 7"});
  }
  SECTION("with filters, one that has no rows is not what was asked for") {
    node.accounts.set_filters({"/kubepods*"}, {});
    node.overhead.rows.push_back(measured("shop", "unknown", "", 9ms));
    CHECK(rows(*node.look()) == Rows{"shop/cart-0/ 2 7"});
  }
}

TEST_CASE("names come back as rows show them") {
  Node node;
  node.appear({50}, {1}, "/a/web");
  node.appear({51}, {1}, "/b/web");
  const auto first = node.accounts.identify({Node::identity({50}, "web", {}, "")}, {}, node.now);
  const auto second = node.accounts.identify({Node::identity({51}, "web", {}, "")}, {}, node.now);
  REQUIRE(first.size() == 1);
  REQUIRE(second.size() == 1);
  CHECK(first[0].identity->container == "web");
  CHECK(second[0].key == CgroupKey{51});
  CHECK(second[0].identity->container == "web~51");
  CHECK(node.accounts.container_around({51})->container == "web~51");
}

TEST_CASE("the container around a cgroup") {
  Node node;
  run_pod(node);
  node.appear({60}, kWeb, "/kubepods/pod/web/a");
  node.appear({61}, {60}, "/kubepods/pod/web/a/b");
  const Accounts& accounts = node.accounts;
  for (const CgroupKey key : {kWeb, CgroupKey{60}, CgroupKey{61}}) {
    REQUIRE(accounts.container_around(key) != nullptr);
    CHECK(accounts.container_around(key)->container == "web");
  }
  CHECK(accounts.container_around(kSandbox)->role == ContainerRole::sandbox);
  for (const CgroupKey key : {kPod, kPods, CgroupKey{1}, CgroupKey{999}, CgroupKey{}}) {
    CHECK(accounts.container_around(key) == nullptr);
  }
  node.name({70}, "soon");  // before it has a row
  REQUIRE(accounts.container_around({70}) != nullptr);
  CHECK(accounts.container_around({70})->container == "soon");
  // The innermost: a pod in a container has containers of its own.
  node.name({60}, "inner");
  CHECK(accounts.container_around({61})->container == "inner");
}

}  // namespace
}  // namespace throttlelens
