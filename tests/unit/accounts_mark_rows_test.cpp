// SPDX-License-Identifier: Apache-2.0
// Marks hold what a snapshot would have shown at the same instant, and rows can be found again.
#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "accounts/accounts.h"
#include "accounts_node.h"

namespace throttlelens {
namespace {

using namespace std::chrono_literals;
using namespace accounts_tests;

std::vector<const CgroupRow*> all_rows(const Snapshot& snapshot) {
  std::vector<const CgroupRow*> rows;
  for (const CgroupRow& row : snapshot.cgroups) rows.push_back(&row);
  for (const ContainerRow& row : snapshot.containers) rows.push_back(&row.cpu);
  for (const PodRow& row : snapshot.pods) rows.push_back(&row.cpu);
  return rows;
}

void check_same(const CgroupRow& row, const RowCounters& kept, bool same_stretch) {
  CAPTURE(*row.path, row.id);
  CHECK(row.id == kept.id);
  CHECK(row.usage == kept.usage);
  CHECK(row.waits.has_value() == kept.throttle_wait.has_value());
  CHECK(row.waits.has_value() == kept.contention_wait.has_value());
  if (row.waits) {
    CHECK(row.waits->throttle == kept.throttle_wait);
    CHECK(row.waits->contention == kept.contention_wait);
  }
  CHECK(row.bandwidth.has_value() == kept.throttled_time.has_value());
  const Bandwidth bandwidth = row.bandwidth.value_or(Bandwidth{});
  CHECK(bandwidth.throttled_time == kept.throttled_time.value_or(0ns));
  CHECK(bandwidth.nr_periods == kept.nr_periods);
  CHECK(bandwidth.nr_throttled == kept.nr_throttled);
  if (same_stretch) CHECK(row.peak_since_mark.value_or(-1ns) == kept.peak.value_or(-1ns));
}

/// Makes a mark, and compares it with a snapshot of the same instant.
void mark_and_check(Node& node) {
  node.pass(1s);
  const auto seen = node.look();
  node.mark();
  const Marks& marks = *node.look()->marks;
  const Mark& mark = *marks.back();
  // Unless the one before was dropped, and the peak until it is in this one too.
  const bool same_stretch =
      seen->marks->empty() || (marks.size() > 1 && marks[marks.size() - 2] == seen->marks->back());
  CHECK(mark.at == node.now);
  auto rows = all_rows(*seen);
  std::ranges::sort(rows, {}, &CgroupRow::id);
  REQUIRE(rows.size() == mark.rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) CHECK(mark.rows[i - 1].id < mark.rows[i].id);
    check_same(*rows[i], mark.rows[i], same_stretch);
  }
  std::map<std::uint64_t, const OverheadRow*> overhead;
  for (const OverheadRow& row : seen->overhead) overhead[row.id] = &row;
  REQUIRE(mark.overhead.size() == seen->overhead.size());
  for (const OverheadCounters& kept : mark.overhead) {
    for (std::size_t i = 0; i < kOverheadComponents; ++i) {
      CHECK(kept.cpu[i] == overhead.at(kept.id)->parts[i].cpu);
    }
  }
  CHECK(std::ranges::is_sorted(mark.overhead, {}, &OverheadCounters::id));
  CHECK(mark.node_overhead == seen->node_overhead);
  REQUIRE(mark.services.size() == seen->services.size());
}

std::uint64_t id_of(const Snapshot& snapshot, const std::string& path) {
  for (const CgroupRow* row : all_rows(snapshot)) {
    if (*row->path == path) return row->id;
  }
  return 0;
}

TEST_CASE("a mark is what a snapshot shows, whatever becomes of cgroups and names") {
  Node node;
  run_pod(node);
  std::mt19937 random(GENERATE(1U, 2U, 3U));
  const auto below = [&](std::size_t count) { return random() % count; };
  std::uint64_t next = 100;
  std::vector<CgroupKey> living{kWeb, kPod, kSandbox};
  std::vector<CgroupKey> nameless;
  std::map<std::uint64_t, Nanoseconds> usage_before;
  for (int step = 0; step < 400; ++step) {
    const CgroupKey one = living.empty() ? CgroupKey{1} : living[below(living.size())];
    switch (below(8)) {
      case 0: {  // a new cgroup, of a path that there is or was, or of a new one
        const CgroupKey key{next++};
        const std::string path = "/kubepods/pod/" + std::to_string(below(6));
        node.appear(key, kPod, path, below(4) == 0 ? std::nullopt : std::optional(3ms));
        living.push_back(key);
        nameless.push_back(key);
        break;
      }
      case 1: {  // maybe long after it appeared, or ended
        if (nameless.empty()) break;
        node.name(nameless.back(), "c" + std::to_string(below(3)), kPod, "cart-0");
        nameless.pop_back();
        break;
      }
      case 2: {
        node.gone(one);
        std::erase(living, one);
        break;
      }
      case 3: {
        if (node.totals.contains(one)) node.wait(one, 2ms, 5ms);
        break;
      }
      case 4: {
        node.limit(one, step);
        break;
      }
      case 5: {
        node.pass(std::chrono::seconds(below(20)));
        break;
      }
      default:
        if (node.totals.contains(one)) node.use(one, std::chrono::milliseconds(1 + below(50)));
    }
    mark_and_check(node);
    // What has the same number goes on counting.
    std::map<std::uint64_t, Nanoseconds> usage;
    const auto seen = node.look();
    for (const CgroupRow* row : all_rows(*seen)) {
      const auto before = usage_before.find(row->id);
      if (!row->usage) continue;
      if (before != usage_before.end()) CHECK(*row->usage >= before->second);
      usage[row->id] = *row->usage;
    }
    usage_before = std::move(usage);
  }
}

TEST_CASE("a snapshot less a mark is the difference of two snapshots") {
  Node node;
  run_pod(node);
  node.use(kWeb, 30ms);
  node.wait(kWeb, 4ms, 6ms);
  node.limit(kWeb, 10);
  node.mark();
  const auto first = node.look();
  // Restarted, and the row of the first is gone before the second is looked at.
  node.gone(kWeb);
  node.name(kWebAgain, "web", kPod, "cart-0");  // known before the window is
  node.appear(kWebAgain, kPod, "/kubepods/pod/web", 1ms);
  node.use(kWebAgain, 5ms);
  node.wait(kWebAgain, 1ms, 2ms);
  node.limit(kWebAgain, 4);
  node.pass(61s);
  const auto second = node.look();
  const ContainerRow& before = first->containers.at(0);
  const ContainerRow& after = second->containers.at(0);
  REQUIRE(after.cpu.id == before.cpu.id);
  const Mark& mark = *second->marks->back();
  const auto kept = std::ranges::find(mark.rows, after.cpu.id, &RowCounters::id);
  REQUIRE(kept != mark.rows.end());
  CHECK(*after.cpu.usage - *kept->usage == 6ms);
  CHECK(*after.cpu.usage - *before.cpu.usage == 6ms);
  CHECK(after.cpu.waits->throttle - *kept->throttle_wait == 1ms);
  CHECK(after.cpu.waits->contention - *kept->contention_wait == 2ms);
  CHECK(after.cpu.bandwidth->nr_periods - kept->nr_periods == 4);
  CHECK(after.cpu.bandwidth->nr_throttled - kept->nr_throttled == 2);
  CHECK(after.cpu.bandwidth->throttled_time - *kept->throttled_time == 4ms);
}

TEST_CASE("a row's number stays as long as its counters go on") {
  Node node;
  run_pod(node);
  node.appear({30}, {1}, "/x");
  const auto first = node.look();
  const std::uint64_t cgroup = id_of(*first, "/x");
  CHECK(cgroup != 0);

  SECTION("announced again under another name") {
    node.appear({30}, {1}, "/y");
    CHECK(id_of(*node.look(), "/y") == cgroup);
  }
  SECTION("a new cgroup of the path, while the old row is kept") {
    node.gone({30});
    node.appear({31}, {1}, "/x");
    CHECK(id_of(*node.look(), "/x") != cgroup);
  }
  SECTION("the same key after it was gone") {
    node.gone({30});
    node.appear({30}, {1}, "/x");
    CHECK(id_of(*node.look(), "/x") != cgroup);
  }
  SECTION("a pod and its containers are made again, while rows are kept") {
    for (const CgroupKey key : {kWeb, kSandbox, kPod}) node.gone(key);
    node.appear({21}, kPods, "/kubepods/pod2");
    node.appear({22}, {21}, "/kubepods/pod2/web");
    node.name({22}, "web", {21}, "cart-0");
    CHECK(node.look()->pods.at(0).cpu.id == first->pods.at(0).cpu.id);
    CHECK(node.look()->containers.at(0).cpu.id == first->containers.at(0).cpu.id);
  }
  SECTION("they are made again after their rows had ended") {
    for (const CgroupKey key : {kWeb, kSandbox, kPod}) node.gone(key);
    node.pass(60s);
    run_pod(node);
    CHECK(node.look()->pods.at(0).cpu.id != first->pods.at(0).cpu.id);
    CHECK(node.look()->containers.at(0).cpu.id != first->containers.at(0).cpu.id);
  }
}

TEST_CASE("the peak of a container that was restarted is that of all it was since the mark") {
  Node node;
  run_pod(node);
  node.mark();
  node.use(kWeb, 40ms);
  node.gone(kWeb);
  // Of the same path, so the row of the old one ends at once.
  node.name(kWebAgain, "web", kPod, "cart-0");
  node.appear(kWebAgain, kPod, "/kubepods/pod/web");
  node.use(kWebAgain, 3ms);
  CHECK(node.look()->containers.at(0).cpu.peak_since_mark == 40ms);
  mark_and_check(node);
  node.use(kWebAgain, 2ms);
  CHECK(node.look()->containers.at(0).cpu.peak_since_mark == 2ms);
}

TEST_CASE("hidden rows are in no mark") {
  Node node;
  run_pod(node);
  node.accounts.set_filters({}, {"/kubepods*"});
  mark_and_check(node);
  CHECK(node.look()->marks->back()->rows.size() == 1);
}

TEST_CASE("a mark is due once a second has been completed") {
  AccountsOptions options = Node::options();
  options.base = 300ms;  // does not divide a second
  Accounts accounts(options);
  CHECK_FALSE(accounts.mark_due());
  std::vector<MonoTime> marks;
  for (WindowIndex window = 0; window < 12; ++window) {
    if (window == 8) continue;
    WindowBatch batch;
    batch.first = window;
    accounts.apply(batch, {});
    if (!accounts.mark_due()) continue;
    accounts.mark({.last_window = window, .cgroups = {}}, {});
    CHECK_FALSE(accounts.mark_due());
    marks.push_back(accounts.snapshot({}, {}, {}, {}, {})->marks->back()->at);
  }
  CHECK(marks == std::vector<MonoTime>{{300ms}, {1200ms}, {2100ms}, {3s}});
}

TEST_CASE("marks are shared with snapshots, which keep theirs") {
  Node node;
  node.mark();
  const auto seen = node.look();
  REQUIRE(seen->marks->size() == 1);
  const auto again = node.look();
  CHECK(again->marks == seen->marks);
  node.mark();  // no window since: nothing new
  CHECK(node.look()->marks == seen->marks);
  node.pass(1s);
  node.mark();
  CHECK(seen->marks->size() == 1);
  REQUIRE(node.look()->marks->size() == 2);
  CHECK(node.look()->marks->front() == seen->marks->front());
}

}  // namespace
}  // namespace throttlelens
