// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "bandwidth_reader.h"
#include "probe/plan.h"

using namespace throttlelens;
using namespace std::chrono_literals;

TEST_CASE("the plan is bpf when everything required is there") {
  Features features;
  features.list = {
      {.name = "kernel BTF", .present = true, .required = true, .detail = {}, .fix = {}},
      {.name = "CPU burst", .present = false, .required = false, .detail = "old", .fix = {}}};
  CHECK(make_plan(features).bpf);
  CHECK(make_plan(features).reason.empty());
}

TEST_CASE("the plan names all that is missing and how to get it") {
  Features features;
  features.list = {
      {.name = "kernel BTF", .present = false, .required = true, .detail = "no file", .fix = "x"},
      {.name = "CAP_BPF", .present = false, .required = true, .detail = {}, .fix = "y"}};
  const ProbePlan plan = make_plan(features);
  CHECK_FALSE(plan.bpf);
  CHECK(plan.reason == "no kernel BTF (no file): x; no CAP_BPF: y");
}

TEST_CASE("detection on this machine is complete and repeatable") {
  const Features first = detect_features();
  const Features second = detect_features();
  CHECK_FALSE(first.kernel.empty());
  CHECK(first.cpus_possible >= 1);
  REQUIRE(first.list.size() == second.list.size());
  for (std::size_t i = 0; i < first.list.size(); ++i) {
    CHECK(first.list[i].present == second.list[i].present);
    // What is missing and needed comes with a way to get it.
    if (!first.list[i].present && first.list[i].required) CHECK_FALSE(first.list[i].fix.empty());
  }
}

TEST_CASE("the kernel's bandwidth fields become plain values") {
  tl_bandwidth raw{};
  raw.quota_ns = 20'000'000;
  raw.period_ns = 100'000'000;
  raw.burst_ns = 5'000'000;
  raw.nr_periods = 9;
  raw.nr_throttled = 4;
  raw.throttled_ns = 123;
  raw.nr_burst = 2;
  raw.burst_time_ns = 77;
  raw.has_burst_counters = 1;
  const Bandwidth value = to_bandwidth(raw);
  CHECK(value.limit == CpuLimit{.quota = 20ms, .period = 100ms, .burst = 5ms});
  CHECK(value.nr_periods == 9);
  CHECK(value.nr_throttled == 4);
  CHECK(value.throttled_time == 123ns);
  CHECK(value.nr_bursts == 2u);
  CHECK(value.burst_time == 77ns);
  raw.quota_ns = TL_UNLIMITED;
  raw.has_burst_counters = 0;
  CHECK_FALSE(to_bandwidth(raw).limit);
  CHECK_FALSE(to_bandwidth(raw).nr_bursts);
  CHECK_FALSE(to_bandwidth(raw).burst_time);
}
