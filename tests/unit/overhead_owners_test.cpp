// SPDX-License-Identifier: Apache-2.0
// What is kept inside ends: whoever may start containers must not fill our memory.
#include "overhead_fake.h"
#include "owners.h"
#include "processes.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

using overhead::Owners;
using overhead::Processes;

TEST_CASE("owners, names and rows end") {
  Owners owners;
  const auto named = [&](std::uint64_t key, const ContainerIdentity& identity) {
    owners.identify({.key = {key}, .identity = std::make_shared<ContainerIdentity>(identity)},
                    kStart);
  };
  for (std::uint32_t i = 0; i < 200; ++i) {
    const std::string serves = std::to_string(i);
    const auto role = i % 3 == 0 ? ContainerRole::sandbox : ContainerRole::application;
    ContainerIdentity identity = pod_container(serves, "pod" + std::to_string(i % 50), role);
    if (i % 5 != 0) named(i, unread(identity));
    if (i % 7 != 0) named(i, identity);
    owners.begin(serves, process(i), kShim);
    owners.add(serves, kShim, 1ms, kStart);
  }
  CHECK(owners.size() > 400);
  for (std::uint32_t i = 0; i < 200; ++i) {
    owners.end(std::to_string(i), process(i), kStart);
    owners.leave({i}, kStart);
  }
  owners.expire(kStart + 59s, 60s);
  CHECK(owners.size() > 400);
  owners.expire(kStart + 60s, 60s);
  CHECK(owners.size() == 0);
  CHECK(owners.rows().empty());
}

TEST_CASE("of those that ended, so many are kept, the latest") {
  Owners owners;
  for (std::uint32_t i = 0; i < 10000; ++i) {
    const std::string serves = std::to_string(i);
    owners.begin(serves, process(i), kRunc);
    owners.end(serves, process(i), kStart);
    owners.expire(kStart, 60s);
  }
  CHECK(owners.size() == 4096);
}

TEST_CASE("of names whose cgroups are gone, so many are kept, the latest") {
  Owners owners;
  for (std::uint64_t i = 0; i < 10000; ++i) {
    const auto identity = std::make_shared<ContainerIdentity>(lone_container(id('a'), "web"));
    owners.identify({.key = {i}, .identity = identity}, kStart);
    owners.leave({i}, kStart);
    owners.expire(kStart, 60s);
  }
  CHECK(owners.size() == 4096);
}

TEST_CASE("one that came back is kept from its last end on") {
  Owners owners;
  owners.begin("a", process(1), kShim);
  owners.end("a", process(1), kStart);
  owners.begin("a", process(2), kShim);
  owners.expire(kStart + 60s, 60s);
  CHECK(owners.size() == 1);
  owners.end("a", process(2), kStart + 70s);
  owners.expire(kStart + 129s, 60s);
  CHECK(owners.size() == 1);
  owners.begin("a", process(3), kShim);
  owners.end("a", process(3), kStart + 129s);
  owners.expire(kStart + 188s, 60s);
  CHECK(owners.size() == 1);
  owners.expire(kStart + 189s, 60s);
  CHECK(owners.size() == 0);
}

TEST_CASE("time that comes for one that was never there ends too") {
  Owners owners;
  owners.add("a", kShim, 1ms, kStart);
  owners.expire(kStart + 60s, 60s);
  CHECK(owners.size() == 0);
}

TEST_CASE("processes that ended are forgotten, roots not before what descends from them") {
  Processes processes;
  ProcessBatch batch;
  batch.seen.push_back(a_shim(process(1), id('a')));
  batch.alive = {helper(process(2), process(1), 1ms)};
  batch.ended = {use(ProcessKind::shim, process(1), 1ms)};
  for (std::uint32_t i = 10; i < 60; ++i)
    batch.ended.push_back(helper(process(i), process(1), 1ms));
  processes.apply(batch, kStart);
  CHECK(processes.size() == 52);
  CHECK(processes.root_of(process(1)) == nullptr);
  REQUIRE(processes.root_of(process(2)));
  CHECK(processes.root_of(process(2))->serves == id('a'));
  MonoTime now = kStart;
  for (int i = 0; i < 10; ++i) {
    now = now + 60s;
    processes.apply({}, now);
  }
  CHECK(processes.size() == 2);
  ProcessBatch last;
  last.ended = {helper(process(2), process(1), 1ms)};
  processes.apply(last, now);
  for (int i = 0; i < 3; ++i) {
    now = now + 60s;
    processes.apply({}, now);
  }
  CHECK(processes.size() == 0);
}

TEST_CASE("a flood of processes that end is forgotten early") {
  Processes processes;
  for (std::uint32_t i = 0; i < 30000; ++i) {
    ProcessBatch batch;
    batch.ended.push_back(helper(process(i), process(0), 1ms));
    processes.apply(batch, kStart);
  }
  CHECK(processes.size() == 8192);
}

TEST_CASE("a root that is told again is the same") {
  Processes processes;
  ProcessBatch batch;
  batch.seen.push_back(a_shim(process(1), id('a')));
  CHECK(processes.apply(batch, kStart).size() == 1);
  CHECK(processes.apply(batch, kStart).empty());
  batch.seen[0] = a_shim(process(1), id('b'));
  const auto steps = processes.apply(batch, kStart);
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].life == overhead::ProcessStep::Life::ended);
  CHECK(steps[0].root->serves == id('a'));
  CHECK(steps[1].life == overhead::ProcessStep::Life::began);
  CHECK(steps[1].root->serves == id('b'));
}

TEST_CASE("what ended may begin again, without its past") {
  Processes processes;
  ProcessBatch batch;
  batch.ended.push_back(helper(process(2), process(1), 5ms));
  processes.apply(batch, kStart);
  ProcessBatch again;
  again.seen.push_back(a_shim(process(2), id('a')));
  again.alive = {use(ProcessKind::shim, process(2), 7ms)};
  const auto steps = processes.apply(again, kStart);
  REQUIRE(steps.size() == 2);
  CHECK(steps[1].more == 2ms);
}
