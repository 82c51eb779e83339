// SPDX-License-Identifier: Apache-2.0
// Metrics that the configuration leaves out.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "export/metrics.h"
#include "export_samples.h"
#include "export_text.h"

using namespace throttlelens;
using namespace throttlelens::samples;

namespace {

using Lines = std::vector<std::string>;

RenderedMetrics render_without(Lines globs, std::uint32_t max_series = 50000) {
  MetricsOptions wanted = options(max_series);
  wanted.exclude = std::move(globs);
  std::uint64_t dropped = 0;
  return render_metrics(full_snapshot(), {}, wanted, dropped);
}

Lines without(Lines all, const std::string& prefix) {
  std::erase_if(all, [&](const std::string& line) {
    return line.starts_with(prefix) || line.starts_with("# HELP " + prefix) ||
           line.starts_with("# TYPE " + prefix);
  });
  return all;
}

std::uint32_t series(const std::string& text) {
  const Lines all = lines(text);
  return static_cast<std::uint32_t>(std::ranges::count_if(
      all, [](const std::string& line) { return !line.empty() && !line.starts_with("#"); }));
}

}  // namespace

TEST_CASE("excluded metrics are missing, the others are as they were") {
  const Lines all = lines(render_without({}).text);
  CHECK(lines(render_without({"throttlelens_cgroup_*"}).text) ==
        without(all, "throttlelens_cgroup_"));
  CHECK(lines(render_without({"throttlelens_container_info", "throttlelens_pod_*"}).text) ==
        without(without(all, "throttlelens_container_info"), "throttlelens_pod_"));
  CHECK(lines(render_without({"*_cpu_wait_duration_seconds"}).text) ==
        without(without(all, "throttlelens_container_cpu_wait_duration_seconds"),
                "throttlelens_cgroup_cpu_wait_duration_seconds"));
  CHECK(lines(render_without({"process_cpu"}).text) == all);
  CHECK(series(render_without({"*"}).text) == 0);
}

TEST_CASE("excluded metrics do not count against max_series") {
  const Lines globs = GENERATE(
      Lines{}, Lines{"throttlelens_cgroup_*"}, Lines{"*_seconds"}, Lines{"process_*"},
      Lines{"throttlelens_pod_overhead_*", "*_ended_*"},
      Lines{"*_request_cores", "throttlelens_container_info"}, Lines{"throttlelens_pod_cpu_*"});
  const RenderedMetrics all = render_without(globs);
  CHECK(all.left_out.series == 0);
  const std::uint32_t fits = series(all.text);
  const RenderedMetrics exact = render_without(globs, fits);
  CHECK(exact.left_out.series == 0);
  CHECK(exact.text == all.text);
  const RenderedMetrics tight = render_without(globs, fits - 1);
  CHECK(tight.left_out.series > 0);
  CHECK(series(tight.text) + tight.left_out.series == fits);
}

TEST_CASE("globs that leave nothing out are told") {
  const Lines globs{"throttlelens_cgroup_*", "throttlelens_cgruop_*", "process_open_fds", "fds"};
  CHECK(globs_without_metric(globs) == Lines{"throttlelens_cgruop_*", "fds"});
}
