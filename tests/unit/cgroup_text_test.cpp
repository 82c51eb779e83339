// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <vector>

#include <catch2/catch.hpp>

#include "cgroup/counters_text.h"

using namespace throttlelens;
using namespace std::chrono_literals;

TEST_CASE("cpu.stat of v2") {
  const auto stat = parse_cpu_stat(
      "usage_usec 53800221\nuser_usec 25806627\nsystem_usec 27993594\nnice_usec 0\n"
      "core_sched.force_idle_usec 0\nnr_periods 12\nnr_throttled 5\nthrottled_usec 321\n"
      "nr_bursts 2\nburst_usec 77\n");
  REQUIRE(stat);
  CHECK(stat->usage == 53800221us);
  REQUIRE(stat->bandwidth);
  CHECK(stat->bandwidth->nr_periods == 12);
  CHECK(stat->bandwidth->nr_throttled == 5);
  CHECK(stat->bandwidth->throttled_time == 321us);
  CHECK(stat->bandwidth->nr_bursts == 2);
  CHECK(stat->bandwidth->burst_time == Nanoseconds(77us));
  CHECK_FALSE(stat->bandwidth->limit);
}

TEST_CASE("cpu.stat of v1 has nanoseconds, and no bursts on old kernels") {
  const auto stat = parse_cpu_stat("nr_periods 3\nnr_throttled 1\nthrottled_time 1234567\n");
  REQUIRE(stat);
  CHECK_FALSE(stat->usage);
  REQUIRE(stat->bandwidth);
  CHECK(stat->bandwidth->throttled_time == 1234567ns);
  CHECK_FALSE(stat->bandwidth->nr_bursts);
  CHECK_FALSE(stat->bandwidth->burst_time);
  CHECK(parse_cpu_stat("nr_periods 3\nburst_time 9\n")->bandwidth->burst_time == 9ns);
}

TEST_CASE("cpu.stat without the cpu controller has no bandwidth") {
  const auto stat = parse_cpu_stat("usage_usec 7\nuser_usec 3\n");
  REQUIRE(stat);
  CHECK(stat->usage == 7us);
  CHECK_FALSE(stat->bandwidth);
}

TEST_CASE("values that are no counters are refused") {
  CHECK_FALSE(parse_cpu_stat("usage_usec x\n"));
  CHECK_FALSE(parse_cpu_stat("usage_usec -5\n"));
  CHECK_FALSE(parse_cpu_stat("usage_usec 9223372036854775807\n"));  // does not fit in nanoseconds
  CHECK_FALSE(parse_cpu_stat("nr_periods 99999999999999999999\n"));
  CHECK_FALSE(parse_cpu_stat("nr_periods \n"));
  CHECK(parse_cpu_stat("some_day x\nno-space\n\n usage_usec 1\n"));
  CHECK(parse_cpu_stat(""));
}

TEST_CASE("cpu.max") {
  CHECK(parse_cpu_max("50000 100000\n", "") ==
        ParsedLimit(CpuLimit{.quota = 50ms, .period = 100ms, .burst = 0ns}));
  CHECK(parse_cpu_max("400000 100000\n", "20000\n") ==
        ParsedLimit(CpuLimit{.quota = 400ms, .period = 100ms, .burst = 20ms}));
  const ParsedLimit none = parse_cpu_max("max 100000\n", "0\n");
  REQUIRE(none);
  CHECK_FALSE(*none);
  for (const char* bad : {"", "x", "50000", "50000 0", "-1 100000", "50000 100000 1", "max100 1"}) {
    CHECK_FALSE(parse_cpu_max(bad, ""));
  }
  CHECK_FALSE(parse_cpu_max("50000 100000", "x"));
}

TEST_CASE("cfs quota and period") {
  CHECK(parse_cfs("20000\n", "100000\n", "1000\n") ==
        ParsedLimit(CpuLimit{.quota = 20ms, .period = 100ms, .burst = 1ms}));
  CHECK(parse_cfs("20000\n", "100000\n", "") ==
        ParsedLimit(CpuLimit{.quota = 20ms, .period = 100ms, .burst = 0ns}));
  const ParsedLimit none = parse_cfs("-1\n", "100000\n", "0\n");
  REQUIRE(none);
  CHECK_FALSE(*none);
  CHECK_FALSE(parse_cfs("", "100000", ""));
  CHECK_FALSE(parse_cfs("20000", "0", ""));
  CHECK_FALSE(parse_cfs("20000", "", ""));
}

TEST_CASE("a number alone") {
  CHECK(parse_number("57520459785\n") == 57520459785);
  CHECK(parse_number(" -1 ") == -1);
  CHECK_FALSE(parse_number("1 2"));
  CHECK_FALSE(parse_number(""));
}

TEST_CASE("cgroup.procs: pids, and what is none is skipped") {
  CHECK(parse_processes("").empty());
  CHECK(parse_processes("1\n4194304\n77\n") == std::vector<std::uint32_t>{1, 4194304, 77});
  CHECK(parse_processes("12") == std::vector<std::uint32_t>{12});
  CHECK(parse_processes("0\n-3\n\n5x\n2147483648\n99999999999999999999\n8\n") ==
        std::vector<std::uint32_t>{8});
}
