// SPDX-License-Identifier: Apache-2.0
// What a report says of the seconds between a mark and a snapshot, by numbers made by hand. That
// all forms say the same is tested by export_snapshot_schema_test.py.
#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "export_report_samples.h"
#include "report.h"

using namespace throttlelens;
using namespace throttlelens::samples;

namespace {

using Names = std::vector<std::string>;

Report report(const Past& past, const SnapshotQuery& query = {}) {
  return make_report(past.now, past.start.get(), query);
}

const ReportPod& cart(const Report& report) {
  return report.pods.at(0);
}

Names pod_names(const Report& report) {
  Names out;
  for (const ReportPod& pod : report.pods) out.push_back(pod.row.pod);
  return out;
}

/// The container shop/cart-1/app and its pod, in their rows.
constexpr std::size_t kApp = 1;

RowCounters& counters_of(Past& past, const CgroupRow& row) {
  return *std::ranges::find(past.start->rows, row.id, &RowCounters::id);
}

void forget(Past& past, const CgroupRow& row) {
  std::erase_if(past.start->rows, [&row](const RowCounters& one) { return one.id == row.id; });
}

/// Three pods, each with what its name says highest.
Past three_pods() {
  Snapshot now = empty_snapshot();
  now.pods = {pod(limited_row(1, "/1"), "ns", "a-cpu"), pod(limited_row(2, "/2"), "ns", "b-peak"),
              pod(limited_row(3, "/3"), "ns", "c-throttled")};
  for (PodRow& row : now.pods) now.overhead.push_back(overhead("ns", row.pod, ""));
  now.overhead[0].parts[0] = {.cpu = 20ms, .private_memory = 10};
  now.overhead[1].parts[0] = {.cpu = 30ms, .private_memory = 30};
  now.overhead[2].parts[0] = {.cpu = 10ms, .private_memory = 20};
  Past past = with_past(now);
  for (OverheadCounters& row : past.start->overhead) row.cpu[0] = 5ms;
  counters_of(past, past.now.pods[0].cpu).usage = 80s;
  past.now.pods[1].cpu.peak_since_mark = 300ms;
  counters_of(past, past.now.pods[2].cpu).nr_throttled = 0;
  past.now.pods[1].cpu.why = Why::neighbours;
  return past;
}

}  // namespace

TEST_CASE("rates are of the span between mark and snapshot") {
  const Report made = report(with_past(full_snapshot()));
  REQUIRE(made.seconds == 5.0);
  const SpanValues& span = made.containers.at(kApp).span;
  CHECK(span.cores == 0.2);
  CHECK(*span.peak_cores == Approx(1.5));
  CHECK(span.periods == 40U);
  CHECK(span.throttled_periods == 10U);
  CHECK(span.throttled_ratio == 0.25);
  CHECK(span.throttled == 0.2);
  CHECK(span.throttle_wait == 0.1);
  CHECK(span.contention_wait == 0.05);
  // Without a limit and waits, in no pod.
  const SpanValues& plain = made.containers.at(0).span;
  CHECK(plain.cores == 0.2);
  CHECK_FALSE(plain.periods);
  CHECK_FALSE(plain.throttled_ratio);
  CHECK_FALSE(plain.throttle_wait);
}

TEST_CASE("what a pod costs, and what that is of its own use") {
  const Report made = report(with_past(full_snapshot()));
  const OverheadValues& costs = cart(made).row.overhead;
  CHECK(*costs.parts[0].cores == Approx(0.001));
  CHECK(costs.parts[0].cpu_seconds == 2.5);
  CHECK(costs.parts[0].private_memory == 4000000U);
  CHECK_FALSE(costs.parts[3].cores);
  CHECK_FALSE(costs.parts[1].private_memory);
  CHECK(*costs.cores == Approx(0.003));  // shim, runc, pause
  CHECK(*costs.ratio == Approx(0.015));  // the only container used 0.2 cores
  CHECK(costs.private_memory == 4065536U);
  CHECK(*made.outside.at(0).overhead.cores == Approx(0.001));
  CHECK(*made.outside.at(0).overhead.ratio == Approx(0.005));
  // Of containers in pods it is the pod's.
  CHECK_FALSE(made.containers.at(kApp).overhead.cores);
}

TEST_CASE("the node: what its root used, pods cost and services used") {
  const Report made = report(with_past(full_snapshot()));
  CHECK(made.node.busy_cores == 0.2);
  CHECK(*made.node.idle_ratio == Approx(0.975));
  CHECK(*made.node.overhead.cores == Approx(0.04));
  CHECK(*made.node.overhead.ratio == Approx(0.005));
  REQUIRE(made.node.services.size() == 2);
  CHECK(*made.node.services[1].cores == Approx(0.02));
  CHECK(made.node.services[0].private_memory == 30000000U);
}

TEST_CASE("without a mark, or with one that is not older, there is no span") {
  Past past = with_past(full_snapshot());
  SECTION("none") {
    past.start.reset();
  }
  SECTION("of the same window") {
    past.start->window = past.now.last_window;
  }
  SECTION("younger") {
    past.start->window = past.now.last_window + 1;
  }
  const Report made = report(past);
  CHECK_FALSE(made.seconds);
  CHECK_FALSE(made.node.busy_cores);
  CHECK_FALSE(made.node.idle_ratio);
  CHECK_FALSE(made.node.overhead.cores);
  CHECK_FALSE(made.node.services.at(0).cores);
  CHECK_FALSE(made.containers.at(kApp).span.cores);
  CHECK_FALSE(made.containers.at(kApp).span.peak_cores);
  CHECK_FALSE(cart(made).row.overhead.cores);
  CHECK(cart(made).row.overhead.private_memory == 4065536U);
}

TEST_CASE("a row that the mark lacks is known if all its counters began later") {
  Past past = with_past(full_snapshot());
  CgroupRow& row = past.now.containers[kApp].cpu;
  forget(past, row);
  row.usage = 500ms;
  SECTION("it may have a past") {
    const Report made = report(past);
    CHECK_FALSE(made.containers.at(kApp).span.cores);
    CHECK_FALSE(made.containers.at(kApp).span.periods);
    CHECK_FALSE(made.containers.at(kApp).span.throttle_wait);
    CHECK(*made.containers.at(kApp).span.peak_cores == Approx(1.5));  // windows within the span
    CHECK_FALSE(cart(made).row.overhead.ratio);
    CHECK(made.namespaces.at(1).unknown == 0);  // the pod's own cgroup is known
  }
  SECTION("in the mark's last window") {
    row.first_window = past.start->window;
    CHECK_FALSE(report(past).containers.at(kApp).span.cores);
  }
  SECTION("one window later") {
    row.first_window = past.start->window + 1;
    const Report made = report(past);
    const SpanValues& span = made.containers.at(kApp).span;
    CHECK(span.cores == 0.1);  // of all five seconds
    CHECK(span.periods == 100U);
    CHECK(span.throttled_ratio == 0.4);
    CHECK(span.throttle_wait == 0.5);
  }
}

TEST_CASE("a counter that went back is not known") {
  Past past = with_past(full_snapshot());
  RowCounters& before = counters_of(past, past.now.containers[kApp].cpu);
  before.usage = 91s;
  before.nr_throttled = 41;
  before.contention_wait = 2s;
  const SpanValues span = report(past).containers.at(kApp).span;
  CHECK_FALSE(span.cores);
  CHECK_FALSE(span.throttled_ratio);
  CHECK_FALSE(span.contention_wait);
  CHECK(span.throttle_wait == 0.1);
}

TEST_CASE("throttling is not known if it was not read at the mark") {
  Past past = with_past(full_snapshot());
  counters_of(past, past.now.containers[kApp].cpu).throttled_time.reset();
  const SpanValues span = report(past).containers.at(kApp).span;
  CHECK_FALSE(span.periods);
  CHECK_FALSE(span.throttled);
  CHECK(span.cores == 0.2);
}

TEST_CASE("a limited row without a period was not throttled") {
  Past past = with_past(full_snapshot());
  RowCounters& before = counters_of(past, past.now.containers[kApp].cpu);
  before.nr_periods = 100;
  before.nr_throttled = 40;
  CHECK(report(past).containers.at(kApp).span.throttled_ratio == 0.0);
}

TEST_CASE("the highest window of the span, from marks behind its start and since the last") {
  Past past = with_past(full_snapshot());
  past.now.containers[kApp].cpu.peak_since_mark = 170ms;
  CHECK(*report(past).containers.at(kApp).span.peak_cores == Approx(1.7));
  past.now.containers[kApp].cpu.peak_since_mark.reset();
  CHECK(*report(past).containers.at(kApp).span.peak_cores == Approx(1.5));
  // A start that is no longer kept: the mark behind it reaches further back.
  past.now.marks = std::make_shared<const Marks>(Marks{past.now.marks->back()});
  CHECK_FALSE(report(past).containers.at(kApp).span.peak_cores);
  CHECK(report(past).containers.at(kApp).span.cores == 0.2);
}

TEST_CASE("overhead of what the mark lacks") {
  Past past = with_past(full_snapshot());
  SECTION("a component began within the span") {
    past.start->overhead[1].cpu[1].reset();
    CHECK(*cart(report(past)).row.overhead.parts[1].cores == Approx(7.25 / 5));
  }
  SECTION("a row may be older") {
    past.start->overhead.pop_back();
    CHECK_FALSE(cart(report(past)).row.overhead.cores);
  }
  SECTION("the row of a pod that began later is all of the span") {
    past.start->overhead.pop_back();
    past.now.pods[0].cpu.first_window = past.start->window + 1;
    CHECK(*cart(report(past)).row.overhead.parts[0].cores == Approx(0.5));
  }
  SECTION("a service may be older") {
    past.start->services.erase(past.start->services.begin());
    const Report made = report(past);
    CHECK_FALSE(made.node.services[0].cores);
    CHECK(made.node.services[1].cores);
  }
}

TEST_CASE("a pod without a cgroup of its own is the sum of its containers") {
  Snapshot now = full_snapshot();
  now.pods.clear();
  now.containers.push_back(full_container(waiting_row(7, "/b"), "shop", "cart-1", "side"));
  Past past = with_past(now);
  past.now.containers[kApp].cpu.why = Why::fine;
  past.now.containers.back().cpu.why = Why::quota;
  Report made = report(past);
  REQUIRE(made.pods.size() == 1);
  const ReportRow& pod = cart(made).row;
  CHECK(pod.cpu == nullptr);
  CHECK(pod.span.cores == 0.4);
  CHECK(pod.span.throttle_wait == 0.2);
  CHECK_FALSE(pod.span.peak_cores);  // of two at different times
  CHECK_FALSE(pod.span.throttled_ratio);
  CHECK(pod.pod_throttled_ratio == 0.25);
  CHECK(pod.pod_why == Why::quota);
  CHECK(pod.windows == std::vector<std::optional<double>>{1.0, 0.5, 2.0});
  CHECK(pod.request == 0.5);
  CHECK(*pod.overhead.ratio == Approx(0.003 / 0.4));
  CHECK(cart(made).containers.size() == 2);
  CHECK(pod.alive);

  past.now.containers.back().cpu.usage.reset();
  made = report(past);
  CHECK_FALSE(cart(made).row.span.cores);  // not the known part of it
  CHECK_FALSE(cart(made).row.overhead.ratio);
  CHECK(made.namespaces.at(1).unknown == 1);
}

TEST_CASE("a pod that only costs is listed") {
  Snapshot now = empty_snapshot();
  now.overhead = {overhead("shop", "stuck", "")};
  now.overhead[0].parts[1].cpu = 2s;
  const Report made = report(with_past(now));
  REQUIRE(pod_names(made) == Names{"stuck"});
  CHECK(*cart(made).row.overhead.cores == Approx(0.001));
  CHECK_FALSE(cart(made).row.span.cores);
  CHECK_FALSE(cart(made).row.overhead.ratio);
  CHECK(cart(made).row.alive);
}

TEST_CASE("a pod's word is its own, or that of the container that waited most") {
  Past past = with_past(full_snapshot());
  const auto word = [&past] { return cart(report(past)).row.pod_why; };
  CgroupRow& own = past.now.pods[0].cpu;
  CHECK_FALSE(word());
  own.why = Why::fine;
  CHECK(word() == Why::fine);
  past.now.containers[kApp].cpu.why = Why::quota;
  CHECK(word() == Why::quota);
  own.why = Why::neighbours;
  CHECK(word() == Why::neighbours);
  own.why = Why::quota;
  CHECK(word() == Why::pod_quota);
  own.why = Why::fine;
  past.now.containers[kApp].cpu.windows[2].waits = WaitAmounts{};
  past.now.containers[kApp].cpu.windows[2].waits->throttle = 1s;
  past.now.containers.push_back(past.now.containers[kApp]);
  past.now.containers.back().cpu.why = Why::neighbours;
  past.now.containers.back().cpu.windows[2].waits->contention = 2s;
  CHECK(word() == Why::neighbours);
}

TEST_CASE("namespaces add up what is known of all that was asked for") {
  Snapshot now = full_snapshot();
  now.pods.push_back(pod(row(8, "/q"), "shop", "cart-2"));
  Past past = with_past(now);
  past.now.pods.back().cpu.usage.reset();
  const Report made = report(past, {.pod_namespace = {}, .pod = {}, .top = 1});
  REQUIRE(made.namespaces.size() == 2);
  const ReportNamespace& none = made.namespaces[0];
  CHECK(none.name.empty());
  CHECK(none.pods == 0);
  CHECK(none.containers == 1);
  CHECK(none.cores == 0.2);
  CHECK_FALSE(none.limit);
  CHECK(*none.overhead_cores == Approx(0.001));
  const ReportNamespace& shop = made.namespaces[1];
  CHECK(shop.name == "shop");
  CHECK(shop.pods == 2);
  CHECK(shop.containers == 1);
  CHECK(shop.unknown == 1);
  CHECK(shop.cores == 0.2);
  CHECK(shop.limit == 1.5);
  CHECK(shop.request == 0.25);
  CHECK(*shop.overhead_cores == Approx(0.003));
  CHECK(shop.private_memory == 4065536U);
  CHECK(made.pods.size() == 1);
  CHECK(made.pods_left_out == 1);
}

TEST_CASE("each order has its first, and ties keep the names' order") {
  const Past past = three_pods();
  const auto order = [&past](std::optional<SnapshotSort> sort,
                             std::optional<std::size_t> top = {}) {
    SnapshotQuery query;
    query.sort = sort;
    query.top = top;
    return pod_names(report(past, query));
  };
  using enum SnapshotSort;
  CHECK(order({}) == Names{"a-cpu", "b-peak", "c-throttled"});
  CHECK(order(SnapshotSort::name) == Names{"a-cpu", "b-peak", "c-throttled"});
  CHECK(order(SnapshotSort::why) == Names{"b-peak", "a-cpu", "c-throttled"});
  CHECK(order(cpu) == Names{"a-cpu", "b-peak", "c-throttled"});
  CHECK(order(peak) == Names{"b-peak", "a-cpu", "c-throttled"});
  CHECK(order(throttled) == Names{"c-throttled", "a-cpu", "b-peak"});
  CHECK(order(SnapshotSort::overhead) == Names{"b-peak", "a-cpu", "c-throttled"});
  CHECK(order(memory) == Names{"b-peak", "c-throttled", "a-cpu"});
  CHECK(order({}, 1) == Names{"b-peak"});
  CHECK(order(memory, 2) == Names{"b-peak", "c-throttled"});
}

TEST_CASE("other cgroups are those that count nothing twice") {
  Snapshot now = full_snapshot();
  now.cgroups[1].holds_containers = true;
  now.cgroups.push_back(row(9, "/inside"));
  now.cgroups.back().in_container = true;
  const Report made = report(with_past(now));
  CHECK(made.cgroups.size() == 4);
  REQUIRE(made.others.size() == 1);
  CHECK(made.others[0].cgroup == "/waiting");
  SnapshotQuery query;
  query.pod_namespace = "shop";
  CHECK(report(with_past(now), query).cgroups.empty());
}

TEST_CASE("a pod that ended within the span still shows what it used") {
  Past past = with_past(full_snapshot());
  past.now.pods[0].cpu.alive = false;
  const Report made = report(past);
  CHECK_FALSE(cart(made).row.alive);
  CHECK(cart(made).row.span.cores == 0.2);
}
