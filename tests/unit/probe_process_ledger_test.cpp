// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "process_ledger.h"

using namespace throttlelens;
using namespace std::chrono_literals;

namespace {

tl_event_seen seen_event(tl_u32 pid, const std::string& arguments) {
  tl_event_seen event{};
  event.event = TL_PROCESS_SEEN;
  event.kind = TL_SHIM;
  event.started = pid * 1000U;
  event.cgroup = 7;
  event.pid = pid;
  event.has_arguments = 1;
  event.arguments = static_cast<tl_u32>(arguments.size());
  std::memcpy(static_cast<void*>(event.comm), "containerd-shim", 15);
  std::memcpy(static_cast<void*>(event.argument), arguments.data(), arguments.size());
  return event;
}

tl_event_ended ended_event(tl_u32 pid, tl_u32 root, tl_u64 cpu_ns) {
  return {.event = TL_PROCESS_ENDED,
          .kind = pid == root ? TL_SHIM : TL_HELPER,
          .started = pid * 1000U,
          .root_started = root * 1000U,
          .pid = pid,
          .root_pid = root,
          .cpu_ns = cpu_ns};
}

FollowedProcess followed(tl_u32 pid, tl_u32 root, tl_u32 answer, tl_u64 cpu_ns) {
  FollowedProcess process;
  process.signal = pid * 64U;
  process.entry.started = pid * 1000U;
  process.entry.root_started = root * 1000U;
  process.entry.pid = pid;
  process.entry.root_pid = root;
  process.entry.kind = pid == root ? TL_SHIM : TL_HELPER;
  process.entry.cgroup = 7;
  process.answer = answer;
  process.cpu_ns = cpu_ns;
  return process;
}

ProcessLedger ledger_without_files() {
  return ProcessLedger([](const ProcessKey&) -> std::optional<ProcessWords> { return {}; });
}

MonoTime at(Nanoseconds time) {
  return {time};
}

}  // namespace

TEST_CASE("a root is told with its arguments, and what it started when it ends") {
  auto ledger = ledger_without_files();
  ledger.seen(seen_event(10, std::string("a\0-id\0x\0", 8)));
  ledger.ended(ended_event(11, 10, 500));
  const auto batch = ledger.take();
  REQUIRE(batch.seen.size() == 1);
  CHECK(batch.seen[0].comm == "containerd-shim");
  CHECK(batch.seen[0].arguments == std::string("a\0-id\0x\0", 8));
  CHECK(batch.seen[0].cgroup.id == 7);
  REQUIRE(batch.ended.size() == 1);
  CHECK(batch.ended[0].root == batch.seen[0].key);
  CHECK(batch.ended[0].cpu == 500ns);
  CHECK(batch.lost == 0U);
  CHECK_FALSE(batch.alive);
  CHECK(ledger.take().seen.empty());
}

TEST_CASE("an end is told whose root was announced in vain, and that is counted once") {
  auto ledger = ledger_without_files();
  ledger.ended(ended_event(11, 10, 500));
  ledger.ended(ended_event(12, 10, 600));
  const auto batch = ledger.take();
  CHECK(batch.ended.size() == 2);
  REQUIRE(batch.seen.size() == 1);
  CHECK(batch.seen[0].key == batch.ended[0].root);
  CHECK(batch.lost == 1U);
}

TEST_CASE("a root that was announced in vain and is still there is described by its files") {
  ProcessLedger ledger(
      [](const ProcessKey&) { return ProcessWords{.comm = "conmon", .arguments = "x"}; });
  const std::vector all{followed(10, 10, TL_PROCESS_READ, 5)};
  CHECK(ledger.followed(all, at(1s)).empty());
  const auto batch = ledger.take();
  REQUIRE(batch.seen.size() == 1);
  CHECK(batch.seen[0].comm == "conmon");
  CHECK(batch.seen[0].arguments == "x");
  CHECK(batch.seen[0].cgroup.id == 7);
  CHECK(batch.lost == 0U);
  REQUIRE(batch.alive);
  CHECK(batch.alive->size() == 1);
}

TEST_CASE("what ends while the living are read is told once, as ended") {
  auto ledger = ledger_without_files();
  ledger.seen(seen_event(10, "a"));
  const std::vector all{followed(10, 10, TL_PROCESS_READ, 5), followed(11, 10, TL_PROCESS_READ, 6)};
  CHECK(ledger.followed(all, at(1s)).empty());
  ledger.ended(ended_event(11, 10, 8));
  const auto batch = ledger.take();
  REQUIRE(batch.alive);
  REQUIRE(batch.alive->size() == 1);
  CHECK((*batch.alive)[0].key.pid == 10);
  CHECK(batch.ended.size() == 1);
}

TEST_CASE("a root is remembered while something descends from it, and no longer") {
  auto ledger = ledger_without_files();
  ledger.seen(seen_event(10, "a"));
  ledger.ended(ended_event(10, 10, 3));
  CHECK(ledger.take().seen.size() == 1);
  const std::vector child{followed(11, 10, TL_PROCESS_READ, 6)};
  CHECK(ledger.followed(child, at(1s)).empty());
  CHECK(ledger.take().seen.empty());
  CHECK(ledger.followed({}, at(2s)).empty());
  ledger.ended(ended_event(11, 10, 8));  // it came after the list
  auto batch = ledger.take();
  CHECK(batch.seen.empty());
  CHECK(batch.lost == 0U);
  ledger.ended(ended_event(12, 10, 8));
  batch = ledger.take();
  CHECK(batch.seen.size() == 1);
  CHECK(batch.lost == 1U);
}

TEST_CASE("an end that found no room is taken from the table") {
  auto ledger = ledger_without_files();
  ledger.seen(seen_event(10, "a"));
  auto parked = followed(11, 10, TL_PROCESS_GONE, 0);
  parked.entry.ended = 1;
  parked.entry.ended_ns = 77;
  CHECK(ledger.followed(std::vector{parked}, at(1s)) == std::vector<tl_u64>{parked.signal});
  const auto batch = ledger.take();
  REQUIRE(batch.ended.size() == 1);
  CHECK(batch.ended[0].cpu == 77ns);
  CHECK(batch.alive->empty());
}

TEST_CASE("a process whose end was missed is told with what is known of it, after a while") {
  auto ledger = ledger_without_files();
  ledger.seen(seen_event(10, "a"));
  auto gone = followed(11, 10, TL_PROCESS_GONE, 0);
  gone.entry.exited_ns = 50;
  auto unknown = followed(12, 10, TL_PROCESS_GONE, 0);
  const std::vector all{gone, unknown};
  CHECK(ledger.followed(all, at(1s)).empty());
  CHECK(ledger.followed(all, at(30s)).empty());
  CHECK(ledger.take().ended.empty());
  CHECK(ledger.followed(all, at(31s)).size() == 2);
  const auto batch = ledger.take();
  REQUIRE(batch.ended.size() == 1);
  CHECK(batch.ended[0].key.pid == 11);
  CHECK(batch.ended[0].cpu == 50ns);
  CHECK(batch.lost == 1U);
}

TEST_CASE("a process that could not be read this time is neither alive nor over") {
  auto ledger = ledger_without_files();
  ledger.seen(seen_event(10, "a"));
  const std::vector all{followed(10, 10, TL_PROCESS_NOT_READ, 0)};
  CHECK(ledger.followed(all, at(1s)).empty());
  CHECK(ledger.followed(all, at(100s)).empty());
  const auto batch = ledger.take();
  CHECK(batch.alive->empty());
  CHECK(batch.ended.empty());
  CHECK(batch.lost == 0U);
}
