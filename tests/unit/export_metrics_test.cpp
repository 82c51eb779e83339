// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <ctime>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "export/metrics.h"
#include "export_samples.h"
#include "export_text.h"

using namespace throttlelens;
using namespace throttlelens::samples;

namespace {

/// The values of the label cgroup, as they are on the wire, of one family.
std::vector<std::string> cgroups(const std::string& text) {
  std::vector<std::string> out;
  const std::string start = "throttlelens_cgroup_cpu_usage_seconds_total{cgroup=\"";
  for (const std::string& line : lines(text)) {
    if (!line.starts_with(start)) continue;
    out.push_back(line.substr(start.size(), line.rfind("\"}") - start.size()));
  }
  return out;
}

}  // namespace

TEST_CASE("a node without containers becomes exactly these samples") {
  Snapshot snapshot = full_snapshot();
  snapshot.containers = {};
  snapshot.pods = {};
  snapshot.ended = {};
  snapshot.overhead = {};
  snapshot.metadata_errors = {};
  snapshot.cgroups.pop_back();  // of waits: export_waits_test.cpp
  const std::vector<std::string> expected{
      R"(throttlelens_build_info{version="0.1.0",commit="abc",libbpf="1.1",compiler="GNU 12"} 1)",
      R"(throttlelens_probe_info{tier="bpf",kernel="6.1.0",cgroup_mode="v2",reason="no kernel BTF"} 1)",
      "throttlelens_node_online_cpus 8",
      R"(throttlelens_node_cpu_utilization_cores{window="100ms"} 2)",
      R"(throttlelens_node_cpu_utilization_cores{window="1s"} 2.31)",
      R"(throttlelens_node_cpu_utilization_cores{window="5s"} 2)",
      R"(throttlelens_node_cpu_idle_ratio{window="100ms"} 0.75)",
      R"(throttlelens_node_cpu_idle_ratio{window="1s"} 0.71)",
      R"(throttlelens_node_cpu_idle_ratio{window="5s"} 0.75)",
      R"(throttlelens_node_overhead_cpu_seconds_total{component="shim"} 3)",
      R"(throttlelens_node_overhead_cpu_seconds_total{component="runc"} 9)",
      R"(throttlelens_node_overhead_cpu_seconds_total{component="pause"} 0.04)",
      R"(throttlelens_node_overhead_cpu_seconds_total{component="conmon"} 0.05)",
      R"(throttlelens_node_service_cpu_seconds_total{service="containerd"} 70)",
      R"(throttlelens_node_service_cpu_seconds_total{service="kubelet"} 80)",
      R"(throttlelens_node_service_private_memory_bytes{service="containerd"} 30000000)",
      "throttlelens_probe_lost_switches_total 9",
      "throttlelens_probe_recovered_switches_total 8",
      "throttlelens_probe_missed_windows_total 2",
      "throttlelens_probe_dropped_cgroups_total 3",
      "throttlelens_probe_partial_waits_total 7",
      "throttlelens_probe_lost_episodes_total 6",
      "throttlelens_probe_lost_processes_total 5",
      "throttlelens_probe_run_seconds_total 1.5",
      "throttlelens_series_dropped_total 0",
      R"(throttlelens_containers{state="running"} 0)",
      R"(throttlelens_containers{state="ended"} 0)",
      "process_cpu_seconds_total 1.5",
      "process_resident_memory_bytes 4096",
      "process_virtual_memory_bytes 8192",
      "process_open_fds 12",
      "process_max_fds 1024",
      "process_start_time_seconds 1700000000.25",
      R"(throttlelens_cgroup_cpu_usage_seconds_total{cgroup="/"} 90)",
      R"(throttlelens_cgroup_cpu_usage_seconds_total{cgroup="/limited"} 90)",
      R"(throttlelens_cgroup_cpu_utilization_cores{cgroup="/",window="100ms"} 0.5)",
      R"(throttlelens_cgroup_cpu_utilization_cores{cgroup="/",window="1s"} 0.25)",
      R"(throttlelens_cgroup_cpu_utilization_cores{cgroup="/",window="5s"} 1)",
      R"(throttlelens_cgroup_cpu_utilization_cores{cgroup="/limited",window="100ms"} 0.5)",
      R"(throttlelens_cgroup_cpu_utilization_cores{cgroup="/limited",window="1s"} 0.25)",
      R"(throttlelens_cgroup_cpu_utilization_cores{cgroup="/limited",window="5s"} 1)",
      R"(throttlelens_cgroup_cpu_window_peak_cores{cgroup="/",window="100ms"} 2)",
      R"(throttlelens_cgroup_cpu_window_peak_cores{cgroup="/",window="1s"} 1)",
      R"(throttlelens_cgroup_cpu_window_peak_cores{cgroup="/",window="5s"} 1.2)",
      R"(throttlelens_cgroup_cpu_window_peak_cores{cgroup="/limited",window="100ms"} 2)",
      R"(throttlelens_cgroup_cpu_window_peak_cores{cgroup="/limited",window="1s"} 1)",
      R"(throttlelens_cgroup_cpu_window_peak_cores{cgroup="/limited",window="5s"} 1.2)",
      R"(throttlelens_cgroup_cpu_window_limit_utilization_ratio_count{cgroup="/limited",window="100ms"} 9)",
      R"(throttlelens_cgroup_cpu_window_limit_utilization_ratio_sum{cgroup="/limited",window="100ms"} 6.5)",
      R"(throttlelens_cgroup_cpu_window_limit_utilization_ratio_bucket{cgroup="/limited",window="100ms",le="0.1"} 5)",
      R"(throttlelens_cgroup_cpu_window_limit_utilization_ratio_bucket{cgroup="/limited",window="100ms",le="0.25"} 5)",
      R"(throttlelens_cgroup_cpu_window_limit_utilization_ratio_bucket{cgroup="/limited",window="100ms",le="0.5"} 6)",
      R"(throttlelens_cgroup_cpu_window_limit_utilization_ratio_bucket{cgroup="/limited",window="100ms",le="0.75"} 6)",
      R"(throttlelens_cgroup_cpu_window_limit_utilization_ratio_bucket{cgroup="/limited",window="100ms",le="0.9"} 6)",
      R"(throttlelens_cgroup_cpu_window_limit_utilization_ratio_bucket{cgroup="/limited",window="100ms",le="0.99"} 8)",
      R"(throttlelens_cgroup_cpu_window_limit_utilization_ratio_bucket{cgroup="/limited",window="100ms",le="1.1"} 8)",
      R"(throttlelens_cgroup_cpu_window_limit_utilization_ratio_bucket{cgroup="/limited",window="100ms",le="1.5"} 8)",
      R"(throttlelens_cgroup_cpu_window_limit_utilization_ratio_bucket{cgroup="/limited",window="100ms",le="2.1"} 8)",
      R"(throttlelens_cgroup_cpu_window_limit_utilization_ratio_bucket{cgroup="/limited",window="100ms",le="+Inf"} 9)",
      R"(throttlelens_cgroup_cpu_limit_cores{cgroup="/limited"} 1.5)",
      R"(throttlelens_cgroup_cpu_cfs_periods_total{cgroup="/limited"} 100)",
      R"(throttlelens_cgroup_cpu_cfs_throttled_periods_total{cgroup="/limited"} 40)",
      R"(throttlelens_cgroup_cpu_throttled_seconds_total{cgroup="/limited"} 2.5)",
      R"(throttlelens_cgroup_cpu_cfs_burst_periods_total{cgroup="/limited"} 3)",
      R"(throttlelens_cgroup_cpu_burst_seconds_total{cgroup="/limited"} 0.03)",
  };
  CHECK(samples_of(render(snapshot)) == expected);
}

TEST_CASE("what is not known is absent, and a family without samples is not there") {
  Snapshot snapshot = empty_snapshot();
  snapshot.losses.lost_switches.reset();
  snapshot.cpus_online = 0;
  for (NodeWindow& window : snapshot.node) window.idle_ratio.reset();
  snapshot.node[1].busy.reset();
  CgroupRow bare = row(1, "/bare");
  bare.usage.reset();
  for (WindowValue& window : bare.windows) window.last = window.peak = std::nullopt;
  bare.windows[0].last = 0ms;
  bare.bandwidth = Bandwidth{};  // read, but there is no limit and never was
  snapshot.cgroups = {bare};
  std::uint64_t dropped = 0;
  const std::string text = render_metrics(snapshot, ProcessStats{}, options(), dropped).text;

  const std::vector<std::string> samples = samples_of(text);
  CHECK(samples.back() ==
        R"(throttlelens_cgroup_cpu_utilization_cores{cgroup="/bare",window="100ms"} 0)");
  CHECK(std::count_if(samples.begin(), samples.end(), [](const std::string& line) {
          return line.find("cgroup=") != std::string::npos;
        }) == 1);
  CHECK(std::count_if(samples.begin(), samples.end(), [](const std::string& line) {
          return line.starts_with("throttlelens_node_cpu_utilization_cores");
        }) == 2);
  for (const char* absent :
       {"lost_switches", "idle_ratio", "online_cpus", "usage_seconds", "window_peak", "ratio",
        "limit_cores", "cfs_periods", "throttled", "burst", "run_seconds", "partial_waits", "lost_",
        "wait_", "episode", "reason", "process_"}) {
    CAPTURE(absent);
    CHECK(text.find(absent) == std::string::npos);
  }
}

TEST_CASE("counters of bandwidth control outlive the limit") {
  Snapshot snapshot = empty_snapshot();
  CgroupRow was_limited = limited_row(1, "/was");
  was_limited.bandwidth->limit.reset();
  snapshot.cgroups = {was_limited};
  const std::string text = render(snapshot);
  CHECK(text.find("cfs_periods_total{cgroup=\"/was\"} 100\n") != std::string::npos);
  CHECK(text.find("limit_cores{") == std::string::npos);
}

TEST_CASE("counters beyond 32 bits and below a microsecond keep their digits") {
  Snapshot snapshot = empty_snapshot();
  CgroupRow big = limited_row(1, "/big");
  big.bandwidth->nr_periods = 9'007'199'254'740'992ULL;
  big.usage = 1'234'567s + 123'456'789ns;
  snapshot.cgroups = {big};
  const std::string text = render(snapshot);
  CHECK(text.find("cfs_periods_total{cgroup=\"/big\"} 9007199254740992\n") != std::string::npos);
  CHECK(text.find("usage_seconds_total{cgroup=\"/big\"} 1234567.123456789\n") != std::string::npos);
}

TEST_CASE("quotes, backslashes and line breaks in a path are escaped") {
  Snapshot snapshot = empty_snapshot();
  snapshot.cgroups = {row(1, "/a\"b\\x2dc\nd\t\"} 1")};
  CHECK(cgroups(render(snapshot)) == std::vector<std::string>{R"(/a\"b\\x2dc\nd)"
                                                              "\t"
                                                              R"(\"} 1)"});
}

TEST_CASE("every path has a valid label value of its own") {
  const std::string longer(4096, 'a');
  const std::vector<std::string> paths{
      "/gr\xc3\xbc\xc3\x9f\xf0\x9f\x90\xb3",  // valid, stays
      "/\xff",
      "/\xfe",
      "/\xc0\xaf",                                                 // overlong
      "/\xed\xa0\x80",                                             // surrogate
      "/\xf4\x90\x80\x80",                                         // above U+10FFFF
      "/\xe2\x82",                                                 // ends too early
      std::string("/nul\0byte", 9),                                //
      "/" + longer + "1",                                          // differ only behind the cut
      "/" + longer + "2",                                          //
      "/" + std::string(1006, 'b') + "\xf0\x9f\x90\xb3" + longer,  // the cut falls into a character
  };
  Snapshot snapshot = empty_snapshot();
  for (const std::string& path : paths) {
    snapshot.cgroups.push_back(row(snapshot.cgroups.size() + 1, path));
  }
  const std::vector<std::string> values = cgroups(render(snapshot));
  REQUIRE(values.size() == paths.size());
  CHECK(std::set(values.begin(), values.end()).size() == paths.size());
  CHECK(values[0] == paths[0]);
  CHECK(values[1].starts_with(R"(/\\xff~)"));
  CHECK(values[7].starts_with(R"(/nul\\x00byte~)"));
  for (const std::string& value : values) CHECK(value.size() <= 1024 + 16);
  CHECK(values[10].find_first_not_of('b', 1) == values[10].rfind('~'));

  SECTION("and keeps it when other cgroups come and go") {
    snapshot.cgroups.erase(snapshot.cgroups.begin() + 1);
    CHECK(cgroups(render(snapshot))[1] == values[2]);
  }
  SECTION("even when another cgroup takes its name") {
    std::string taken = values[1];
    taken.erase(taken.find('\\'), 1);
    snapshot.cgroups.push_back(row(99, taken));
    const std::vector<std::string> after = cgroups(render(snapshot));
    REQUIRE(after.size() == paths.size() + 1);
    CHECK(std::set(after.begin(), after.end()).size() == after.size());
    CHECK(after.back() == values[1]);
  }
  SECTION("and a path that is there twice is exposed once") {
    snapshot.cgroups.push_back(row(99, "/\xff"));
    snapshot.cgroups.push_back(row(98, paths[0]));
    CHECK(cgroups(render(snapshot)) == values);
  }
}

TEST_CASE("cgroups beyond max_series are left out whole") {
  Snapshot snapshot = empty_snapshot();
  CgroupRow busy = row(1, "/busy");
  busy.usage = 1000s;
  snapshot.cgroups = {row(1, "/a"), busy, limited_row(3, "/limited"), row(4, "/z")};
  const std::size_t own = samples_of(render(empty_snapshot())).size();

  std::uint64_t dropped = 5;
  const auto capped = [&](std::size_t max) {
    return render_metrics(snapshot, process(), options(static_cast<std::uint32_t>(max)), dropped)
        .text;
  };
  using Paths = std::vector<std::string>;
  CHECK(cgroups(capped(own + 7 + 7 + 25 + 7)) == Paths{"/a", "/busy", "/limited", "/z"});
  CHECK(dropped == 5);
  const std::string text = capped(own + 7 + 25);
  CHECK(cgroups(text) == Paths{"/busy", "/limited"});
  CHECK(samples_of(text).size() == own + 7 + 25);
  CHECK(dropped == 5 + 14);
  CHECK(text.find("throttlelens_series_dropped_total 19\n") != std::string::npos);
  // The next one in the order does not fit, so what would fit behind it does not come either.
  CHECK(cgroups(capped(own + 24)).empty());
  CHECK(dropped == 19 + 46);
  CHECK(samples_of(capped(0)).size() == own);
}

TEST_CASE("the process on itself") {
  const ProcessStats stats = read_process_stats();
  REQUIRE(stats.cpu_seconds);
  REQUIRE(stats.start_time_seconds);
  REQUIRE(stats.resident_bytes);
  REQUIRE(stats.virtual_bytes);
  REQUIRE(stats.open_fds);
  CHECK(*stats.cpu_seconds >= 0);
  const auto now = static_cast<double>(std::time(nullptr));
  CHECK(*stats.start_time_seconds <= now + 1);
  CHECK(*stats.start_time_seconds > now - 3600);
  CHECK(*stats.resident_bytes > 100'000);
  CHECK(*stats.virtual_bytes >= *stats.resident_bytes);
  const int extra = ::dup(0);
  REQUIRE(extra >= 0);
  CHECK(read_process_stats().open_fds == *stats.open_fds + 1);
  ::close(extra);
}
