// SPDX-License-Identifier: Apache-2.0
// Rows say in which window all their counters began, so that what is new in a span is told whole.
#include <algorithm>
#include <optional>
#include <string>

#include <catch2/catch.hpp>

#include "accounts/accounts.h"
#include "accounts_node.h"

namespace throttlelens {
namespace {

using namespace std::chrono_literals;
using namespace accounts_tests;

void appear_in(Node& node, WindowIndex window, CgroupKey key, const std::string& path,
               std::optional<Nanoseconds> before = 0ns) {
  WindowBatch batch;
  batch.first = window;
  batch.appeared.push_back({.key = key, .parent = kPod, .path = path, .usage_before = before});
  node.totals[key] = 0ns;
  node.accounts.apply(batch, node.now);
}

std::optional<WindowIndex> first_of(Node& node, const std::string& path) {
  const auto seen = node.look();
  const auto row =
      std::ranges::find(seen->cgroups, path, [](const CgroupRow& one) { return *one.path; });
  REQUIRE(row != seen->cgroups.end());
  return row->first_window;
}

TEST_CASE("a cgroup begins with the window it appeared in, unless it had a past") {
  Node node;
  appear_in(node, 7, {20}, "/new");
  appear_in(node, 8, {21}, "/used", 3ms);
  appear_in(node, 9, {22}, "/unknown", std::nullopt);
  CHECK(first_of(node, "/new") == 7U);
  CHECK_FALSE(first_of(node, "/used"));
  CHECK_FALSE(first_of(node, "/unknown"));
}

TEST_CASE("announced again, it began when it did") {
  Node node;
  appear_in(node, 7, {20}, "/a");
  appear_in(node, 12, {20}, "/b");
  CHECK(first_of(node, "/b") == 7U);
  appear_in(node, 13, {21}, "/c", 3ms);
  appear_in(node, 14, {21}, "/d");
  CHECK_FALSE(first_of(node, "/d"));
}

TEST_CASE("another cgroup in its place begins anew") {
  Node node;
  appear_in(node, 7, {20}, "/a");
  appear_in(node, 12, {21}, "/a");
  CHECK(first_of(node, "/a") == 12U);
}

TEST_CASE("a container that was restarted began with the first of its cgroups") {
  Node node;
  run_pod(node);
  const auto first = [&] { return node.look()->containers.at(1).cpu.first_window; };
  appear_in(node, 7, {20}, "/kubepods/pod/x");
  node.name({20}, "x", kPod, "cart-0");
  CHECK(first() == 7U);
  appear_in(node, 12, {21}, "/kubepods/pod/x2");
  node.name({21}, "x", kPod, "cart-0");
  CHECK(first() == 7U);
  // Also when the row of the first is gone, and only what it had counted is left.
  node.gone({20});
  node.pass(61s);
  REQUIRE(node.look()->containers.at(1).cpu.key == CgroupKey{21});
  CHECK(first() == 7U);
  // One with a past makes the past of all unknown.
  appear_in(node, 900, {22}, "/kubepods/pod/x3", 5ms);
  node.name({22}, "x", kPod, "cart-0");
  CHECK_FALSE(first());
  node.gone({22});
  node.pass(61s);
  CHECK_FALSE(first());
}

}  // namespace
}  // namespace throttlelens
