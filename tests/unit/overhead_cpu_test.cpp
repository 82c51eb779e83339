// SPDX-License-Identifier: Apache-2.0
// No time is counted twice, and none is taken back.
#include "overhead_fake.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

TEST_CASE("a shim's time is its pod's, and so is that of what it started") {
  Bench bench;
  bench.name(10, pod_container(id('a'), "web", ContainerRole::sandbox));
  bench.see(a_shim(process(100), id('a')));
  CHECK_FALSE(bench.cpu("web", kShim));  // nothing was read yet
  bench.alive({use(ProcessKind::shim, process(100), 30ms)});
  CHECK(bench.cpu("web", kShim) == 30ms);
  CHECK_FALSE(bench.cpu("web", kRunc));
  CHECK_FALSE(bench.cpu("web", kConmon));
  CHECK_FALSE(bench.cpu("web", kPause));

  bench.alive(
      {use(ProcessKind::shim, process(100), 35ms), helper(process(101), process(100), 2ms)});
  bench.ended(helper(process(101), process(100), 5ms));
  bench.ended(helper(process(102), process(100), 4ms));  // came and went between two readings
  CHECK(bench.cpu("web", kShim) == 35ms);
  CHECK(bench.cpu("web", kRunc) == 9ms);
  CHECK(bench.node(kShim) == 35ms);
  CHECK(bench.node(kRunc) == 9ms);
  CHECK_FALSE(bench.node(kConmon));
  CHECK_FALSE(bench.node(kPause));
  const OverheadRow* row = bench.row("web");
  REQUIRE(row);
  CHECK(row->pod_namespace == "shop");
  CHECK(row->container.empty());
  CHECK(row->alive);
}

TEST_CASE("a reading below the one before takes nothing back") {
  Bench bench;
  bench.name(10, pod_container(id('a'), "web"));
  bench.see(a_shim(process(100), id('a')));
  bench.alive({use(ProcessKind::shim, process(100), 30ms)});
  bench.alive({use(ProcessKind::shim, process(100), 20ms)});
  CHECK(bench.cpu("web", kShim) == 30ms);
  bench.alive({use(ProcessKind::shim, process(100), 31ms)});
  CHECK(bench.cpu("web", kShim) == 31ms);
  bench.ended(use(ProcessKind::shim, process(100), 29ms));
  CHECK(bench.cpu("web", kShim) == 31ms);
  CHECK(bench.node(kShim) == 31ms);
}

TEST_CASE("an end that is told again counts nothing, nor does a late reading") {
  Bench bench;
  bench.name(10, pod_container(id('a'), "web"));
  bench.see(a_shim(process(100), id('a')));
  const auto end = helper(process(101), process(100), 5ms);
  bench.ended(end);
  bench.ended(end);
  bench.alive({helper(process(101), process(100), 9ms)});
  CHECK(bench.cpu("web", kRunc) == 5ms);
  ProcessBatch both;  // read, and ended before the batch was complete
  both.alive = {helper(process(102), process(100), 3ms)};
  both.ended = {helper(process(102), process(100), 4ms)};
  bench.apply(both);
  CHECK(bench.cpu("web", kRunc) == 9ms);
  bench.pass(30s);
  bench.ended(end);
  CHECK(bench.cpu("web", kRunc) == 9ms);
}

TEST_CASE("a pid that is used again is another process") {
  Bench bench;
  bench.name(10, pod_container(id('a'), "web"));
  bench.name(11, pod_container(id('b'), "db"));
  bench.see(a_shim(process(100, 7s), id('a')));
  bench.alive({use(ProcessKind::shim, process(100, 7s), 30ms)});
  bench.ended(use(ProcessKind::shim, process(100, 7s), 40ms));
  bench.see(a_shim(process(100, 9s), id('b')));
  bench.alive({use(ProcessKind::shim, process(100, 9s), 1ms)});
  CHECK(bench.cpu("web", kShim) == 40ms);
  CHECK(bench.cpu("db", kShim) == 1ms);
  CHECK_FALSE(bench.row("web")->alive);
  CHECK(bench.row("db")->alive);
}

TEST_CASE("what a shim starts becomes the shim of another by exec: each gets its part") {
  Bench bench;
  bench.name(10, pod_container(id('a'), "web"));
  bench.name(11, pod_container(id('b'), "db"));
  bench.see(a_shim(process(100), id('a')));
  bench.alive({use(ProcessKind::shim, process(100), 1ms), helper(process(101), process(100), 2ms)});
  bench.see(a_shim(process(101), id('b')));
  bench.alive(
      {use(ProcessKind::shim, process(100), 1ms), use(ProcessKind::shim, process(101), 7ms)});
  CHECK(bench.cpu("web", kRunc) == 2ms);
  CHECK(bench.cpu("db", kShim) == 5ms);
  bench.ended(use(ProcessKind::shim, process(100), 1ms));
  CHECK_FALSE(bench.row("web")->alive);
  CHECK(bench.node(kShim) == 6ms);
  CHECK(bench.node(kRunc) == 2ms);
}

TEST_CASE("conmon forks and the first one ends: the other is conmon too, of the same container") {
  Bench bench;
  bench.name(10, pod_container(id('a'), "web"));
  bench.see(a_conmon(process(100), id('a')));
  bench.ended(use(ProcessKind::monitor, process(100), 2ms));
  const ProcessUse other{
      .key = process(101), .kind = ProcessKind::monitor, .root = process(100), .cpu = 3ms};
  for (int i = 0; i < 5; ++i) {
    bench.pass(30s);
    bench.alive({other});
  }
  bench.ended(helper(process(102), process(100), 8ms));  // its root has ended long ago
  CHECK(bench.cpu("web", kConmon) == 5ms);
  CHECK(bench.cpu("web", kRunc) == 8ms);
  CHECK(bench.row("web")->alive);
}

TEST_CASE("a process whose end was not told is gone when three readings lack it") {
  Bench bench;
  bench.name(10, pod_container(id('a'), "web"));
  bench.see(a_shim(process(100), id('a')));
  bench.alive({use(ProcessKind::shim, process(100), 30ms)});
  bench.alive({});
  bench.alive({});
  CHECK(bench.row("web")->alive);
  bench.alive({use(ProcessKind::shim, process(100), 31ms)});
  bench.alive({});
  bench.alive({});
  bench.pass(1s);  // not read is not missed
  CHECK(bench.row("web")->alive);
  bench.alive({});
  CHECK_FALSE(bench.row("web")->alive);
  CHECK(bench.cpu("web", kShim) == 31ms);
  bench.alive({use(ProcessKind::shim, process(100), 33ms)});  // it was there all the time
  CHECK(bench.row("web")->alive);
  CHECK(bench.cpu("web", kShim) == 33ms);
}

TEST_CASE("what nobody told of counts for the node only") {
  Bench bench;
  bench.name(10, pod_container(id('a'), "web"));
  bench.ended(helper(process(101), process(100), 5ms));
  bench.see(seen(ProcessKind::monitor, process(102), "conmon", {"conmon", "--version"}));
  bench.ended(use(ProcessKind::monitor, process(102), 1ms));
  CHECK(bench.read().rows.empty());
  CHECK(bench.node(kRunc) == 5ms);
  CHECK(bench.node(kConmon) == 1ms);
}

TEST_CASE("a shim in a container is that container's, whomever it says it serves") {
  Bench bench;
  bench.name(10, pod_container(id('a'), "web"));
  bench.around[66] = lone_container(id('e'), "evil");
  bench.see(a_shim(process(100), id('a'), 66));
  bench.alive({use(ProcessKind::shim, process(100), 1h), helper(process(101), process(100), 1h)});
  bench.ended(helper(process(102), process(100), 1h));
  CHECK(bench.read().rows.empty());
  CHECK_FALSE(bench.node(kShim));
  CHECK_FALSE(bench.node(kRunc));

  // The container is known a moment later only: no more from then on.
  bench.see(a_shim(process(200), id('a'), 67));
  bench.alive({use(ProcessKind::shim, process(200), 1ms)});
  bench.around[67] = lone_container(id('e'), "evil");
  bench.alive({use(ProcessKind::shim, process(200), 1h)});
  CHECK(bench.cpu("web", kShim) == 1ms);
  // A conmon's own cgroup has its container's name, and is none.
  bench.around[68] = pod_container(id('a'), "web", ContainerRole::monitor);
  bench.see(a_conmon(process(300), id('a'), 68));
  bench.alive({use(ProcessKind::monitor, process(300), 4ms)});
  CHECK(bench.cpu("web", kConmon) == 4ms);
}

TEST_CASE("losses are passed on, and absent where nobody can know") {
  Bench bench;
  CHECK_FALSE(bench.read().lost_processes);
  ProcessBatch batch;
  batch.lost = 3;
  bench.apply(batch);
  CHECK(bench.read().lost_processes == 3u);
}

TEST_CASE("at any time, rows and what has no name add up to the node") {
  Bench bench;
  bench.room().set_keep_ended(10h);
  std::uint32_t state = 12345;
  const auto random = [&state](std::uint32_t below) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
  };
  std::map<std::uint32_t, Nanoseconds> used;  // by pid, of those that live
  Nanoseconds truth{0};
  Nanoseconds shown_before{0};
  for (int step = 0; step < 3000; ++step) {
    bench.pass(100ms);
    const std::uint32_t pid = 1 + random(50);
    const ProcessKey key = process(pid);
    const std::string serves = id(static_cast<char>('a' + pid % 6));
    ProcessBatch batch;
    if (random(4) == 0 && !used.contains(pid) && step < 50) {
      batch.seen.push_back(a_shim(key, serves));
      used[pid] = 0ns;
    }
    for (auto& [who, cpu] : used) {
      const Nanoseconds more{random(1000)};
      cpu += more;
      truth += more;
    }
    batch.alive.emplace();
    for (const auto& [who, cpu] : used) {
      batch.alive->push_back(use(ProcessKind::shim, process(who), cpu));
    }
    if (random(40) == 0) {
      bench.name(10 + random(6), pod_container(id(static_cast<char>('a' + random(6))), "web"));
    }
    bench.apply(batch);
    Nanoseconds shown{0};
    for (const OverheadRow& row : bench.read().rows) shown += row.parts[0].cpu.value_or(0ns);
    REQUIRE(bench.node(kShim).value_or(0ns) == truth);
    REQUIRE(shown <= truth);
    REQUIRE(shown >= shown_before);
    shown_before = shown;
  }
  REQUIRE_FALSE(used.empty());
  for (char c = 'a'; c < 'g'; ++c)
    bench.name(static_cast<std::uint64_t>(c), pod_container(id(c), "web"));
  CHECK(bench.cpu("web", kShim) == truth);
}
