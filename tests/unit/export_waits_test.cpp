// SPDX-License-Identifier: Apache-2.0
// Waits, episodes and bursts as a scrape shows them, when they appear, and what they cost in
// series.
#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "export/catalogue.h"
#include "export/metrics.h"
#include "export_samples.h"
#include "export_text.h"

using namespace throttlelens;
using namespace throttlelens::samples;

namespace {

using Lines = std::vector<std::string>;

/// What one cgroup's row becomes, without "throttlelens_cgroup_cpu_" and its own label.
Lines shown(const CgroupRow& row) {
  const std::string prefix = "throttlelens_cgroup_cpu_";
  const std::string label = "cgroup=\"/x\"";
  Snapshot snapshot = empty_snapshot();
  snapshot.cgroups = {row};
  Lines out = samples_of(render(snapshot), prefix);
  for (std::string& line : out) {
    line.erase(0, prefix.size());
    line.erase(line.find(label), label.size());
  }
  return out;
}

/// Of those, the samples that begin so.
Lines shown(const CgroupRow& row, std::string_view start) {
  Lines out = shown(row);
  std::erase_if(out, [start](const std::string& line) { return !line.starts_with(start); });
  return out;
}

CgroupRow calm_row() {
  CgroupRow out = row(1, "/x");
  out.waits = calm_waits();
  return out;
}

/// The series of a container, and those that are counted for it before there is any text.
std::size_t series_of(const ContainerRow& row) {
  Snapshot snapshot = empty_snapshot();
  snapshot.containers = {row};
  const std::size_t exposed = samples_of(render(snapshot), "throttlelens_container_").size();
  std::uint64_t dropped = 0;
  CHECK(render_metrics(snapshot, process(), options(0), dropped).left_out.series == exposed);
  return exposed;
}

/// All levels' values, each once.
Lines levels(const CgroupRow& row) {
  Lines out;
  for (const std::string& line : shown(row, "throttle_episode_seconds_count")) {
    const std::size_t start = line.find("level=\"") + 7;
    out.push_back(line.substr(start, line.find('"', start) - start) + line.substr(line.rfind(' ')));
  }
  return out;
}

}  // namespace

TEST_CASE("waits become exactly these samples") {
  const Lines expected{
      R"(wait_seconds_total{,cause="throttle"} 2.5)",
      R"(wait_seconds_total{,cause="contention"} 1.25)",
      R"(wait_duration_seconds_count{,cause="throttle"} 3)",
      R"(wait_duration_seconds_sum{,cause="throttle"} 0.15)",
      R"(wait_duration_seconds_bucket{,cause="throttle",le="0.001"} 0)",
      R"(wait_duration_seconds_bucket{,cause="throttle",le="0.003"} 0)",
      R"(wait_duration_seconds_bucket{,cause="throttle",le="0.01"} 0)",
      R"(wait_duration_seconds_bucket{,cause="throttle",le="0.03"} 1)",
      R"(wait_duration_seconds_bucket{,cause="throttle",le="0.1"} 3)",
      R"(wait_duration_seconds_bucket{,cause="throttle",le="0.3"} 3)",
      R"(wait_duration_seconds_bucket{,cause="throttle",le="1"} 3)",
      R"(wait_duration_seconds_bucket{,cause="throttle",le="+Inf"} 3)",
      R"(wait_duration_seconds_count{,cause="contention"} 8)",
      R"(wait_duration_seconds_sum{,cause="contention"} 1.2)",
      R"(wait_duration_seconds_bucket{,cause="contention",le="0.001"} 4)",
      R"(wait_duration_seconds_bucket{,cause="contention",le="0.003"} 7)",
      R"(wait_duration_seconds_bucket{,cause="contention",le="0.01"} 7)",
      R"(wait_duration_seconds_bucket{,cause="contention",le="0.03"} 7)",
      R"(wait_duration_seconds_bucket{,cause="contention",le="0.1"} 7)",
      R"(wait_duration_seconds_bucket{,cause="contention",le="0.3"} 7)",
      R"(wait_duration_seconds_bucket{,cause="contention",le="1"} 7)",
      R"(wait_duration_seconds_bucket{,cause="contention",le="+Inf"} 8)",
      R"(throttle_episode_seconds_count{,level="self"} 3)",
      R"(throttle_episode_seconds_sum{,level="self"} 0.075)",
      R"(throttle_episode_seconds_bucket{,level="self",le="0.001"} 0)",
      R"(throttle_episode_seconds_bucket{,level="self",le="0.003"} 0)",
      R"(throttle_episode_seconds_bucket{,level="self",le="0.01"} 0)",
      R"(throttle_episode_seconds_bucket{,level="self",le="0.03"} 3)",
      R"(throttle_episode_seconds_bucket{,level="self",le="0.1"} 3)",
      R"(throttle_episode_seconds_bucket{,level="self",le="0.3"} 3)",
      R"(throttle_episode_seconds_bucket{,level="self",le="1"} 3)",
      R"(throttle_episode_seconds_bucket{,level="self",le="+Inf"} 3)",
      R"(throttle_episode_seconds_count{,level="ancestor"} 3)",
      R"(throttle_episode_seconds_sum{,level="ancestor"} 0.1605)",
      R"(throttle_episode_seconds_bucket{,level="ancestor",le="0.001"} 1)",
      R"(throttle_episode_seconds_bucket{,level="ancestor",le="0.003"} 1)",
      R"(throttle_episode_seconds_bucket{,level="ancestor",le="0.01"} 1)",
      R"(throttle_episode_seconds_bucket{,level="ancestor",le="0.03"} 1)",
      R"(throttle_episode_seconds_bucket{,level="ancestor",le="0.1"} 3)",
      R"(throttle_episode_seconds_bucket{,level="ancestor",le="0.3"} 3)",
      R"(throttle_episode_seconds_bucket{,level="ancestor",le="1"} 3)",
      R"(throttle_episode_seconds_bucket{,level="ancestor",le="+Inf"} 3)",
      R"(throttled_while_idle_seconds_total{} 0.75)",
      R"(lost_seconds_total{} 0.125)",
  };
  Lines waits = shown(waiting_row(1, "/x"));
  const std::size_t without = shown(limited_row(1, "/x")).size();
  REQUIRE(waits.size() > without);
  waits.erase(waits.begin(), waits.begin() + static_cast<std::ptrdiff_t>(without));
  CHECK(waits == expected);
}

TEST_CASE("levels are named by what lies above the row") {
  CHECK(levels(waiting_row(1, "/x", Standing::cgroup)) == Lines{"self 3", "ancestor 3"});
  CHECK(levels(waiting_row(1, "/x", Standing::container)) == Lines{"container 3", "ancestor 3"});
  CHECK(levels(waiting_row(1, "/x", Standing::pod_container)) ==
        Lines{"container 3", "pod 2", "ancestor 1"});
}

TEST_CASE("a level has no series before its first episode") {
  CgroupRow row = waiting_row(1, "/x", Standing::container);
  row.waits->episodes[0] = {};
  CHECK(levels(row) == Lines{"ancestor 3"});
  row.waits->episodes[1] = {};
  CHECK(levels(row) == Lines{"ancestor 1"});
  row.standing = Standing::pod_container;
  row.waits->episodes = {};
  row.waits->episodes[1].buckets[0] = 1;  // of no length at all
  CHECK(levels(row) == Lines{"pod 1"});
  row.waits->episodes = {};
  CHECK(shown(row, "throttle_episode").empty());
}

TEST_CASE("what is for limits is absent until there is one, or a wait for quota") {
  const Lines calm{R"(wait_seconds_total{,cause="contention"} 0.02)"};
  const Lines limited{R"(wait_seconds_total{,cause="throttle"} 0)", calm[0]};
  CgroupRow row = calm_row();
  CHECK(shown(row, "wait_") == calm);
  CHECK(shown(row, "throttled_while_idle").empty());
  row.bandwidth = Bandwidth{};
  CHECK(shown(row, "wait_") == calm);
  SECTION("a limit") {
    row.bandwidth->limit = CpuLimit{.quota = 100ms, .period = 100ms};
    CHECK(shown(row, "wait_") == limited);
    CHECK(shown(row, "throttled_while_idle").size() == 1);
  }
  SECTION("a limit that was taken away") {
    row.bandwidth->nr_periods = 1;
    CHECK(shown(row, "wait_") == limited);
  }
  SECTION("the limit of somebody above") {
    row.waits->throttle = 1ns;
    CHECK(shown(row, "wait_") == Lines{R"(wait_seconds_total{,cause="throttle"} 1e-09)", calm[0]});
    CHECK(shown(row, "throttled_while_idle").size() == 1);
  }
}

TEST_CASE("a cause has a histogram once one wait was longer than 10 ms, and keeps it") {
  CgroupRow row = calm_row();
  const auto causes = [&row] {
    Lines out = shown(row, "wait_duration_seconds_count");
    return out;
  };
  row.waits->throttle_waits.add(10ms);
  CHECK(causes().empty());
  row.waits->throttle_waits.add(10ms + 1ns);
  CHECK(causes() == Lines{R"(wait_duration_seconds_count{,cause="throttle"} 2)"});
  for (int i = 0; i < 1000; ++i) row.waits->throttle_waits.add(1us);
  CHECK(causes() == Lines{R"(wait_duration_seconds_count{,cause="throttle"} 1002)"});
  row.waits->throttle_waits = {};
  row.waits->contention_waits.add(2s);
  CHECK(causes() == Lines{R"(wait_duration_seconds_count{,cause="contention"} 97)"});
}

TEST_CASE("lost time is absent where the kernel does not tell") {
  CgroupRow row = calm_row();
  CHECK(shown(row, "lost_seconds_total") == Lines{"lost_seconds_total{} 0.005"});
  row.waits->lost.reset();
  CHECK(shown(row, "lost_seconds_total").empty());
  row.waits.reset();
  CHECK(shown(row).size() == 7);
}

TEST_CASE("bursts are shown where there are any") {
  CgroupRow row = limited_row(1, "/x");
  const auto count = [&row] {
    return shown(row, "cfs_burst_").size() + shown(row, "burst_").size();
  };
  CHECK(count() == 2);
  row.bandwidth->nr_bursts = 0;
  row.bandwidth->burst_time = 0ns;
  CHECK(count() == 2);  // its limit has one
  row.bandwidth->limit->burst = 0ns;
  CHECK(count() == 0);
  SECTION("periods that had one") {
    row.bandwidth->nr_bursts = 1;
    CHECK(count() == 2);
  }
  SECTION("time that was had of one") {
    row.bandwidth->burst_time = 1us;
    CHECK(count() == 2);
  }
  SECTION("one that was switched off, as was the limit") {
    row.bandwidth->limit.reset();
    row.bandwidth->nr_bursts = 1;
    CHECK(count() == 2);
  }
  SECTION("a kernel that does not count them") {
    row.bandwidth->limit->burst = 10ms;
    row.bandwidth->nr_bursts.reset();
    row.bandwidth->burst_time.reset();
    CHECK(count() == 0);
  }
}

TEST_CASE("what containers cost in series") {
  const auto series = [](const CgroupRow& row) {
    return series_of(full_container(row, "ns", "pod", "c"));
  };
  CgroupRow calm = calm_row();
  CHECK(series(calm) == 11);
  CHECK(series(calm) <= 12);

  CgroupRow limited = limited_row(1, "/x");
  limited.bandwidth->limit->burst = 0ns;
  limited.bandwidth->nr_bursts = 0;
  limited.bandwidth->burst_time = 0ns;
  limited.waits = calm_waits();
  CHECK(series(limited) == 29);

  CgroupRow throttled = limited;
  throttled.waits->throttle = 1s;
  throttled.waits->throttle_waits.add(50ms);
  CHECK(series(throttled) == 39);
  throttled.waits->episodes[0].add(50ms);
  CHECK(series(throttled) == 49);

  CHECK(series(waiting_row(1, "/x", Standing::container)) == 71);
  CHECK(series(waiting_row(1, "/x", Standing::pod_container)) == 81);
}

TEST_CASE(
    "the help tells apart three ways to count throttling, and does not call a burst an error") {
  const auto help = [](std::string_view name) {
    const auto all = metric_catalogue();
    const auto found = std::ranges::find(all, name, &MetricEntry::name);
    REQUIRE(found != all.end());
    return std::string(found->help);
  };
  using Catch::Contains;
  const std::string container = "throttlelens_container_cpu_";
  CHECK_THAT(help(container + "throttled_seconds_total"), Contains("summed over CPUs"));
  CHECK_THAT(help(container + "wait_seconds_total"), Contains("summed over threads"));
  CHECK_THAT(help(container + "throttle_episode_seconds"), Contains("all CPUs together"));
  CHECK_THAT(help(container + "window_limit_utilization_ratio"), Contains("burst"));
}

TEST_CASE("only BPF knows waits, and the catalogue says so") {
  for (const MetricEntry& entry : metric_catalogue()) {
    CAPTURE(entry.name);
    const auto has = [&entry](std::string_view text) {
      return entry.name.find(text) != entry.name.npos;
    };
    if (has("_wait_") || has("episode") || has("while_idle") || has("_lost_seconds")) {
      CHECK(entry.tiers == "bpf");
    }
    if (has("_wait_")) CHECK(entry.labels.ends_with(",cause"));
    if (has("_throttle_episode_")) CHECK(entry.labels.ends_with(",level"));
  }
}
