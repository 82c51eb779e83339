// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include <catch2/catch.hpp>

#include "accounts/accounts.h"

namespace throttlelens {
namespace {

using namespace std::chrono_literals;

constexpr CgroupKey kOld{11};
constexpr CgroupKey kNew{22};
constexpr MonoTime kStart{1000s};

AccountsOptions options() {
  AccountsOptions options;
  options.reported = {100ms, 1s};
  options.keep_dead = 60s;
  return options;
}

WindowBatch appeared(CgroupKey key, std::string path, std::optional<Nanoseconds> before = 0ns) {
  WindowBatch batch;
  batch.appeared.push_back(
      {.key = key, .parent = {}, .path = std::move(path), .usage_before = before});
  return batch;
}

WindowBatch gone(CgroupKey key) {
  WindowBatch batch;
  batch.gone.push_back(key);
  return batch;
}

WindowBatch bandwidth(CgroupKey key, std::uint64_t periods) {
  WindowBatch batch;
  Bandwidth value;
  value.nr_periods = periods;
  batch.bandwidth.push_back({.key = key, .value = value});
  return batch;
}

TimelineReading reading(std::vector<std::pair<CgroupKey, Nanoseconds>> totals) {
  TimelineReading reading;
  for (const auto& [key, total] : totals) {
    reading.cgroups.push_back({.key = key,
                               .total = total,
                               .windows = {{100ms, 1ms, 2ms, {}}, {1s, 3ms, std::nullopt, {}}},
                               .limit_ratio = {},
                               .waits = {},
                               .peak = {}});
  }
  return reading;
}

std::vector<CgroupKey> take_ended(Accounts& accounts, MonoTime now) {
  return accounts.take_ended(now, [](CgroupKey) { return std::nullopt; });
}

std::vector<CgroupRow> rows(Accounts& accounts, const TimelineReading& of = {}) {
  return accounts.snapshot(of, {}, {}, {}, kStart)->cgroups;
}

TEST_CASE("a row joins the name, the limit and the time") {
  Accounts accounts(options());
  accounts.apply(appeared(kOld, "/a", 5s), kStart);
  CHECK_FALSE(rows(accounts)[0].bandwidth);
  accounts.apply(bandwidth(kOld, 6), kStart);
  accounts.apply(bandwidth(kOld, 7), kStart);
  TimelineReading of = reading({{kOld, 2s}});
  const CgroupRow plain = rows(accounts, of).at(0);
  CHECK(plain.key == kOld);
  CHECK(*plain.path == "/a");
  CHECK(plain.alive);
  CHECK(plain.usage == 7s);
  CHECK(plain.bandwidth.value().nr_periods == 7);
  CHECK(plain.windows.size() == 2);
  CHECK(plain.windows[1].length == 1s);
  CHECK(plain.windows[1].last == 3ms);
  CHECK_FALSE(plain.windows[1].peak);
  CHECK_FALSE(plain.limit_ratio);

  of.cgroups[0].limit_ratio.emplace().sum = 0.5;
  CHECK(rows(accounts, of).at(0).limit_ratio.value().sum == 0.5);
}

TEST_CASE("bandwidth that is no more is absent, not what it was") {
  Accounts accounts(options());
  accounts.apply(appeared(kOld, "/a", 5s), kStart);
  accounts.apply(bandwidth(kOld, 6), kStart);
  WindowBatch switched_off;
  switched_off.bandwidth.push_back({.key = kOld, .value = std::nullopt});
  accounts.apply(switched_off, kStart);
  CHECK_FALSE(rows(accounts)[0].bandwidth);
  CHECK(rows(accounts)[0].alive);
}

TEST_CASE("usage is absent when its start is unknown, and never wraps") {
  Accounts accounts(options());
  accounts.apply(appeared(kOld, "/a", std::nullopt), kStart);
  accounts.apply(appeared(kNew, "/b", 1s), kStart);
  const auto both = rows(accounts, reading({{kOld, 2s}, {kNew, Nanoseconds::max()}}));
  CHECK_FALSE(both.at(0).usage);
  CHECK(both.at(1).usage == Nanoseconds::max());
}

TEST_CASE("a row without a series has every window, absent") {
  Accounts accounts(options());
  accounts.apply(appeared(kOld, "/a"), kStart);
  const CgroupRow row = rows(accounts, reading({{kNew, 1s}})).at(0);
  CHECK_FALSE(row.usage);
  REQUIRE(row.windows.size() == 2);
  CHECK(row.windows[0].length == 100ms);
  CHECK_FALSE(row.windows[0].last);
}

TEST_CASE("what is said of an unknown cgroup makes no row") {
  Accounts accounts(options());
  accounts.apply(bandwidth(kOld, 1), kStart);
  accounts.apply(gone(kOld), kStart);
  CHECK(rows(accounts, reading({{kOld, 1s}})).empty());
}

TEST_CASE("rows are in the order of their paths") {
  Accounts accounts(options());
  std::uint64_t id = 0;
  for (const char* path : {"/b", "/a/b", "/", "/a-b", "/a", "/\xff", "/a/b/c"}) {
    accounts.apply(appeared({++id}, path), kStart);
  }
  std::vector<std::string> paths;
  for (const CgroupRow& row : rows(accounts)) paths.push_back(*row.path);
  CHECK(paths == std::vector<std::string>{"/", "/a", "/a-b", "/a/b", "/a/b/c", "/b", "/\xff"});
}

TEST_CASE("each row finds its own series whatever their order") {
  Accounts accounts(options());
  accounts.apply(appeared({1}, "/c"), kStart);
  accounts.apply(appeared({2}, "/a"), kStart);
  accounts.apply(appeared({3}, "/b"), kStart);
  const auto all = rows(accounts, reading({{{3}, 3s}, {{1}, 1s}, {{2}, 2s}}));
  CHECK(all.at(0).usage == 2s);
  CHECK(all.at(1).usage == 3s);
  CHECK(all.at(2).usage == 1s);
}

TEST_CASE("a path is shared by the snapshots, not copied") {
  Accounts accounts(options());
  accounts.apply(appeared(kOld, "/a"), kStart);
  CHECK(rows(accounts)[0].path == rows(accounts)[0].path);
}

TEST_CASE("a removed cgroup keeps its row for a while") {
  Accounts accounts(options());
  accounts.apply(appeared(kOld, "/a"), kStart);
  accounts.apply(bandwidth(kOld, 7), kStart);
  accounts.apply(gone(kOld), kStart);
  accounts.apply(gone(kOld), kStart + 30s);
  CHECK(take_ended(accounts, kStart + 60s - 1ns).empty());
  const CgroupRow row = rows(accounts, reading({{kOld, 2s}})).at(0);
  CHECK_FALSE(row.alive);
  CHECK(row.usage == 2s);
  CHECK(row.bandwidth.value().nr_periods == 7);
  CHECK(take_ended(accounts, kStart + 60s) == std::vector<CgroupKey>{kOld});
  CHECK(take_ended(accounts, kStart + 90s).empty());
  CHECK(rows(accounts, reading({{kOld, 2s}})).empty());
}

TEST_CASE("a new cgroup of the same path supersedes the old one at once") {
  Accounts accounts(options());
  accounts.apply(appeared(kOld, "/a", 5s), kStart);
  accounts.apply(bandwidth(kOld, 7), kStart);
  const bool died_before = GENERATE(true, false);
  if (died_before) accounts.apply(gone(kOld), kStart);
  accounts.apply(appeared(kNew, "/a", 0s), kStart + 1s);
  const auto now = rows(accounts, reading({{kOld, 2s}, {kNew, 3s}}));
  REQUIRE(now.size() == 1);
  CHECK(now[0].key == kNew);
  CHECK(now[0].alive);
  CHECK(now[0].usage == 3s);
  CHECK_FALSE(now[0].bandwidth);
  CHECK(take_ended(accounts, kStart + 1s) == std::vector<CgroupKey>{kOld});
  CHECK(take_ended(accounts, kStart + 90s).empty());
  CHECK(rows(accounts).size() == 1);
}

TEST_CASE("a restart within one batch ends the old cgroup once") {
  Accounts accounts(options());
  accounts.apply(appeared(kOld, "/a"), kStart);
  WindowBatch restart = appeared(kNew, "/a");
  restart.gone.push_back(kOld);
  accounts.apply(restart, kStart);
  CHECK(take_ended(accounts, kStart) == std::vector<CgroupKey>{kOld});
  CHECK(rows(accounts).at(0).alive);
}

TEST_CASE("a superseded cgroup that is removed later is ended again") {
  Accounts accounts(options());
  accounts.apply(appeared(kOld, "/a"), kStart);
  accounts.apply(appeared(kNew, "/a"), kStart);
  CHECK(take_ended(accounts, kStart) == std::vector<CgroupKey>{kOld});
  accounts.apply(gone(kOld), kStart + 1s);
  CHECK(take_ended(accounts, kStart + 1s) == std::vector<CgroupKey>{kOld});
}

TEST_CASE("a key that comes back is a new cgroup") {
  Accounts accounts(options());
  accounts.apply(appeared(kOld, "/a", 5s), kStart);
  accounts.apply(bandwidth(kOld, 7), kStart);
  accounts.apply(gone(kOld), kStart);
  accounts.apply(appeared(kOld, "/a", 1s), kStart + 10s);
  const CgroupRow row = rows(accounts, reading({{kOld, 1s}})).at(0);
  CHECK(row.alive);
  CHECK(row.usage == 2s);
  CHECK_FALSE(row.bandwidth);
  CHECK(take_ended(accounts, kStart + 65s).empty());
  accounts.apply(gone(kOld), kStart + 65s);
  CHECK(take_ended(accounts, kStart + 124s).empty());
  CHECK(take_ended(accounts, kStart + 125s) == std::vector<CgroupKey>{kOld});
}

TEST_CASE("a living cgroup announced under a new name moves its row") {
  Accounts accounts(options());
  accounts.apply(appeared(kOld, "/a", 5s), kStart);
  accounts.apply(bandwidth(kOld, 7), kStart);
  accounts.apply(appeared(kOld, "/b", std::nullopt), kStart);
  const auto all = rows(accounts, reading({{kOld, 1s}}));
  REQUIRE(all.size() == 1);
  CHECK(*all[0].path == "/b");
  CHECK(all[0].usage == 6s);
  CHECK(all[0].bandwidth.value().nr_periods == 7);
  CHECK(take_ended(accounts, kStart + 90s).empty());
}

TEST_CASE("two cgroups may swap names without either being forgotten") {
  Accounts accounts(options());
  accounts.apply(appeared(kOld, "/a"), kStart);
  accounts.apply(appeared(kNew, "/b"), kStart);
  WindowBatch swap = appeared(kOld, "/b");
  swap.appeared.push_back(appeared(kNew, "/a").appeared.front());
  accounts.apply(swap, kStart);
  CHECK(take_ended(accounts, kStart).empty());
  const auto all = rows(accounts);
  REQUIRE(all.size() == 2);
  CHECK(all[0].key == kNew);
  CHECK(all[1].key == kOld);
}

}  // namespace
}  // namespace throttlelens
