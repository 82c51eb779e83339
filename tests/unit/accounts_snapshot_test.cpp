// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include <catch2/catch.hpp>

#include "accounts/accounts.h"

namespace throttlelens {
namespace {

using namespace std::chrono_literals;
using Paths = std::vector<std::string>;

Accounts& fill(Accounts& accounts) {
  WindowBatch batch;
  for (const char* path :
       {"/", "/init.scope", "/kubepods", "/kubepods/pod1", "/kubepods/pod1/c1"}) {
    batch.appeared.push_back({.key = {batch.appeared.size() + 1},
                              .parent = {},
                              .path = path,
                              .usage_before = std::nullopt});
  }
  accounts.apply(batch, {});
  return accounts;
}

Paths shown(Accounts& accounts) {
  Paths paths;
  const auto snapshot = accounts.snapshot({}, {}, {}, {}, {});
  for (const CgroupRow& row : snapshot->cgroups) paths.push_back(*row.path);
  return paths;
}

TEST_CASE("a snapshot carries what the readers need") {
  AccountsOptions options;
  options.base = 50ms;
  options.reported = {50ms, 2s};
  Accounts accounts(options);
  WindowBatch batch;
  batch.node.cpus_online = 4;
  batch.losses.missed_windows = 3;
  accounts.apply(batch, {});
  batch.node.cpus_online = 0;  // a batch that cannot know changes nothing
  batch.losses.missed_windows = 5;
  accounts.apply(batch, {});

  TimelineReading reading;
  reading.ready = true;
  reading.last_window = 77;
  reading.node = {{50ms, 9ms, 0.5}, {2s, std::nullopt, std::nullopt}};
  const ProbeInfo probe{.tier = "bpf", .reason = "", .kernel = "6.1", .cgroup_mode = "v2"};
  const auto snapshot = accounts.snapshot(reading, {}, probe, {}, {5s});
  CHECK(snapshot->taken == MonoTime{5s});
  CHECK(snapshot->ready);
  CHECK(snapshot->last_window == 77);
  CHECK(snapshot->base == 50ms);
  CHECK(snapshot->reported == std::vector<Nanoseconds>{50ms, 2s});
  CHECK(snapshot->probe.tier == "bpf");
  CHECK(snapshot->cpus_online == 4);
  CHECK(snapshot->losses.missed_windows == 5);
  REQUIRE(snapshot->node.size() == 2);
  CHECK(snapshot->node[0].busy == 9ms);
  CHECK(snapshot->node[0].idle_ratio == 0.5);
  CHECK_FALSE(accounts.snapshot({}, {}, probe, {}, {})->ready);
}

TEST_CASE("a snapshot does not change when the accounts do") {
  Accounts accounts({});
  const auto before = fill(accounts).snapshot({}, {}, {}, {}, {});
  WindowBatch batch;
  batch.gone = {{1}, {2}, {3}, {4}, {5}};
  accounts.apply(batch, {});
  CHECK(accounts.take_ended({100s}, [](CgroupKey) { return std::nullopt; }).size() == 5);
  CHECK(shown(accounts).empty());
  REQUIRE(before->cgroups.size() == 5);
  CHECK(before->cgroups[4].alive);
  CHECK(*before->cgroups[4].path == "/kubepods/pod1/c1");
}

TEST_CASE("filters choose paths") {
  Accounts accounts({});
  fill(accounts);
  SECTION("none: all") {
    CHECK(shown(accounts).size() == 5);
  }
  SECTION("an asterisk matches slashes") {
    accounts.set_filters({"/kubepods*"}, {});
    CHECK(shown(accounts) == Paths{"/kubepods", "/kubepods/pod1", "/kubepods/pod1/c1"});
  }
  SECTION("any of several") {
    accounts.set_filters({"/", "/init.*"}, {});
    CHECK(shown(accounts) == Paths{"/", "/init.scope"});
  }
  SECTION("exclude wins") {
    accounts.set_filters({"/kubepods*"}, {"*/pod?", "/"});
    CHECK(shown(accounts) == Paths{"/kubepods", "/kubepods/pod1/c1"});
  }
  SECTION("and may be lifted again") {
    accounts.set_filters({}, {"*"});
    CHECK(shown(accounts).empty());
    accounts.set_filters({}, {});
    CHECK(shown(accounts).size() == 5);
  }
}

TEST_CASE("filters from the start apply to cgroups that appear later") {
  AccountsOptions options;
  options.include = {"/kubepods/*"};
  options.exclude = {"*/c1"};
  Accounts accounts(options);
  CHECK(shown(fill(accounts)) == Paths{"/kubepods/pod1"});
}

TEST_CASE("a hidden cgroup ends like any other") {
  AccountsOptions options;
  options.exclude = {"*"};
  Accounts accounts(options);
  fill(accounts);
  WindowBatch batch;
  batch.gone = {{2}};
  accounts.apply(batch, {1s});
  CHECK(accounts.take_ended({61s}, [](CgroupKey) { return std::nullopt; }) ==
        std::vector<CgroupKey>{{2}});
}

}  // namespace
}  // namespace throttlelens
