// SPDX-License-Identifier: Apache-2.0
// Names that come early, late, twice or never; and how long rows stay.
#include <string>
#include <tuple>
#include <vector>

#include "overhead_fake.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

TEST_CASE("time used before its name was known moves to the row") {
  Bench bench;
  bench.see(a_shim(process(100), id('a')));
  bench.alive({use(ProcessKind::shim, process(100), 30ms)});
  bench.ended(helper(process(101), process(100), 5ms));
  CHECK(bench.read().rows.empty());
  CHECK(bench.node(kShim) == 30ms);
  bench.name(10, pod_container(id('a'), "web", ContainerRole::sandbox));
  CHECK(bench.cpu("web", kShim) == 30ms);
  CHECK(bench.cpu("web", kRunc) == 5ms);
  CHECK(bench.node(kShim) == 30ms);
}

TEST_CASE("it waits for its name as long as rows are kept after the last process") {
  Bench bench;
  bench.see(a_shim(process(100), id('a')));
  bench.ended(use(ProcessKind::shim, process(100), 30ms));
  bench.see(a_shim(process(101), id('b')));
  bench.ended(use(ProcessKind::shim, process(101), 40ms));
  bench.at(59s);
  bench.pass(0s);
  bench.name(10, pod_container(id('a'), "web"));
  CHECK(bench.cpu("web", kShim) == 30ms);
  bench.at(60s);
  bench.pass(0s);
  bench.name(11, pod_container(id('b'), "db"));
  CHECK(bench.read().rows.empty());
  CHECK(bench.node(kShim) == 70ms);
}

TEST_CASE("a better name takes what was counted under the worse") {
  Bench bench;
  bench.name(10, unread(pod_container(id('a'), "web")));
  bench.name(11, unread(pod_container(id('b'), "web")));
  bench.see(a_conmon(process(100), id('a')));
  bench.see(a_conmon(process(101), id('b')));
  bench.alive(
      {use(ProcessKind::monitor, process(100), 3ms), use(ProcessKind::monitor, process(101), 4ms)});
  REQUIRE(bench.read().rows.size() == 1);
  CHECK(bench.cpu("uid-of-web", kConmon) == 7ms);
  // One container's files tell the name of the pod that both are in.
  bench.name(10, pod_container(id('a'), "web"));
  REQUIRE(bench.read().rows.size() == 1);
  CHECK(bench.cpu("web", kConmon) == 7ms);
  // Nor do those whose files cannot be read bring the worse one back.
  bench.name(12, unread(pod_container(id('c'), "web")));
  bench.see(a_conmon(process(102), id('c')));
  bench.ended(use(ProcessKind::monitor, process(102), 2ms));
  bench.name(10, unread(pod_container(id('a'), "web")));
  REQUIRE(bench.read().rows.size() == 1);
  CHECK(bench.cpu("web", kConmon) == 9ms);
}

TEST_CASE("what ended under the worse name goes along") {
  Bench bench;
  bench.name(10, unread(pod_container(id('a'), "web")));
  bench.name(11, unread(pod_container(id('b'), "web")));
  bench.see(a_shim(process(100), id('a')));
  bench.see(a_shim(process(101), id('b')));
  bench.ended(use(ProcessKind::shim, process(100), 3ms));
  bench.alive({use(ProcessKind::shim, process(101), 4ms)});
  bench.pass(61s);
  CHECK(bench.cpu("uid-of-web", kShim) == 7ms);
  bench.name(11, pod_container(id('b'), "web"));
  CHECK(bench.cpu("web", kShim) == 7ms);
  CHECK(bench.read().rows.size() == 1);
}

TEST_CASE("who claims the id of another by a path alone does not get its name") {
  Bench bench;
  ContainerIdentity claim = unread(pod_container(id('a'), "evil"));
  bench.name(66, claim);
  bench.name(10, pod_container(id('a'), "web"));
  bench.see(a_shim(process(100), id('a')));
  bench.alive({use(ProcessKind::shim, process(100), 3ms)});
  CHECK(bench.cpu("web", kShim) == 3ms);
  bench.name(66, claim);
  CHECK(bench.cpu("web", kShim) == 3ms);
  CHECK_FALSE(bench.row("uid-of-evil"));
}

TEST_CASE("a name outlives its cgroup as long as its shim, and the one that deletes") {
  Bench bench;
  bench.name(10, pod_container(id('a'), "web", ContainerRole::sandbox));
  bench.see(a_shim(process(100), id('a')));
  bench.alive({use(ProcessKind::shim, process(100), 3ms)});
  bench.gone(10);
  bench.pass(10min);
  bench.alive({use(ProcessKind::shim, process(100), 4ms)});
  CHECK(bench.cpu("web", kShim) == 4ms);
  CHECK(bench.row("web")->alive);
  bench.ended(use(ProcessKind::shim, process(100), 5ms));
  bench.pass(1s);
  bench.see(a_shim(process(101), id('a')));
  bench.ended(use(ProcessKind::shim, process(101), 6ms));
  CHECK(bench.cpu("web", kShim) == 11ms);
  CHECK_FALSE(bench.row("web")->alive);
}

TEST_CASE("rows end keep_ended after the last process, and a reload can change that") {
  Bench bench;
  bench.name(10, pod_container(id('a'), "web"));
  bench.see(a_shim(process(100), id('a')));
  bench.alive({use(ProcessKind::shim, process(100), 5ms)});
  bench.pass(10min);
  REQUIRE(bench.row("web"));
  bench.ended(use(ProcessKind::shim, process(100), 5ms));
  bench.gone(10);
  bench.pass(59999ms);
  REQUIRE(bench.row("web"));
  CHECK_FALSE(bench.row("web")->alive);
  bench.room().set_keep_ended(2min);
  bench.pass(1ms);
  CHECK(bench.row("web"));
  bench.room().set_keep_ended(60s);
  bench.pass(0ms);
  CHECK_FALSE(bench.row("web"));
  CHECK(bench.node(kShim) == 5ms);
}

TEST_CASE("a pod of the same name goes on counting while the row is kept, and begins anew after") {
  Bench bench;
  bench.name(10, pod_container(id('a'), "web", ContainerRole::sandbox));
  bench.see(a_shim(process(100), id('a')));
  bench.ended(use(ProcessKind::shim, process(100), 5ms));
  bench.gone(10);
  bench.pass(30s);
  bench.name(11, pod_container(id('b'), "web", ContainerRole::sandbox));
  bench.see(a_shim(process(101), id('b')));
  bench.alive({use(ProcessKind::shim, process(101), 1ms)});
  CHECK(bench.cpu("web", kShim) == 6ms);
  bench.pass(10min);  // the first one's part stays as long as there is a row
  CHECK(bench.cpu("web", kShim) == 6ms);
  CHECK(bench.read().rows.size() == 1);

  bench.ended(use(ProcessKind::shim, process(101), 2ms));
  bench.gone(11);
  bench.pass(60s);
  CHECK_FALSE(bench.row("web"));
  bench.name(12, pod_container(id('c'), "web", ContainerRole::sandbox));
  bench.see(a_shim(process(102), id('c')));
  bench.alive({use(ProcessKind::shim, process(102), 3ms)});
  CHECK(bench.cpu("web", kShim) == 3ms);
  CHECK(bench.node(kShim) == 10ms);
}

TEST_CASE(
    "containers outside of pods have rows of their own, pods of one name in two namespaces too") {
  Bench bench;
  bench.name(10, lone_container(id('a'), "web"));
  bench.name(11, lone_container("lonely", "lonely"));
  ContainerIdentity other = pod_container(id('b'), "web");
  other.pod_namespace = "bank";
  bench.name(12, other);
  bench.name(13, pod_container(id('c'), "web"));
  for (std::uint32_t i = 0; i < 4; ++i) {
    const std::string serves = i == 3 ? std::string("lonely") : id(static_cast<char>('a' + i));
    bench.see(a_shim(process(100 + i), serves));
    bench.ended(use(ProcessKind::shim, process(100 + i), Nanoseconds(1 << i)));
  }
  std::vector<std::tuple<std::string, std::string, std::string, Nanoseconds>> rows;
  for (const OverheadRow& row : bench.read().rows) {
    rows.emplace_back(row.pod_namespace, row.pod, row.container, row.parts[0].cpu.value_or(-1ns));
  }
  CHECK(rows == decltype(rows){{"", "", "lonely", 8ns},
                               {"", "", "web", 1ns},
                               {"bank", "web", "", 2ns},
                               {"shop", "web", "", 4ns}});
}

TEST_CASE("a container that is given another name takes its row along") {
  Bench bench;
  bench.name(10, lone_container(id('a'), id('a')));
  bench.see(a_conmon(process(100), id('a')));
  bench.alive({use(ProcessKind::monitor, process(100), 3ms)});
  bench.name(10, lone_container(id('a'), "web"));
  CHECK(bench.cpu("", kConmon, "web") == 3ms);
  CHECK(bench.read().rows.size() == 1);
}

TEST_CASE("hundreds of pods come and go, and nothing of them stays") {
  Bench bench;
  Nanoseconds truth{0};
  std::size_t most = 0;
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const std::string serves = std::to_string(i) + std::string(60, 'f');
    const auto key = process(1000 + i);
    if (i % 2 == 0) {
      bench.name(10 + i, pod_container(serves, "p" + std::to_string(i), ContainerRole::sandbox));
    }
    bench.see(a_shim(key, serves));
    bench.ended(helper(process(5000 + i), key, 1ms));
    bench.ended(use(ProcessKind::shim, key, 2ms));
    if (i % 2 == 0) bench.gone(10 + i);
    truth += 2ms;
    bench.pass(1s);
    most = std::max(most, bench.read().rows.size());
  }
  CHECK(most <= 31);
  CHECK(bench.node(kShim) == truth);
  bench.pass(60s);
  CHECK(bench.read().rows.empty());
}
