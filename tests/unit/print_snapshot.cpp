// SPDX-License-Identifier: Apache-2.0
// Prints what /api/v1/snapshot?QUERY would answer for one of some snapshots, by name. The start of
// the span is 5 s before; names without "+" have none.
#include <cstdio>
#include <limits>
#include <string>
#include <string_view>

#include "export/snapshot_answer.h"
#include "export_hostile.h"
#include "export_report_samples.h"

namespace {

using namespace throttlelens;
using namespace std::chrono_literals;

/// Every key there is.
Snapshot full_snapshot() {
  Snapshot out = samples::full_snapshot();
  CgroupRow& row = out.containers[1].cpu;
  row.why = Why::quota;
  row.windows[2].waits = WaitAmounts{
      .throttle = 2s, .contention = 250ms, .throttled = 1s, .level = ThrottleLevel::own};
  return out;
}

/// As the poorest tier leaves it, before any window was completed; nothing is known of anything.
Snapshot unknown_snapshot() {
  Snapshot out = samples::empty_snapshot();
  out.probe.tier = "cpustat";
  out.cpus_online = 0;
  for (NodeWindow& window : out.node) {
    window.busy.reset();
    window.idle_ratio.reset();
  }
  out.losses = {};
  CgroupRow row = samples::row(1, "/x");
  row.usage.reset();
  for (WindowValue& window : row.windows) {
    window.last.reset();
    window.peak.reset();
  }
  row.bandwidth = Bandwidth{};
  // Numbers that JSON cannot say.
  out.node[0].idle_ratio = std::numeric_limits<double>::quiet_NaN();
  out.cgroups = {row};
  out.containers = {samples::container(row, "", "", "c")};
  out.containers[0].request =
      CpuRequest{.cores = std::numeric_limits<double>::infinity(), .source = "shares"};
  out.pods = {samples::pod(row, "", "p")};
  return out;
}

Snapshot named(std::string_view name) {
  if (name == "full") return full_snapshot();
  if (name == "hostile") return samples::hostile_snapshot();
  if (name == "unknown") return unknown_snapshot();
  return samples::empty_snapshot();
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view name = argc > 1 ? argv[1] : "";
  const auto query = parse_snapshot_query(argc > 2 ? argv[2] : "");
  if (!query) return 2;
  const bool past = name.ends_with('+');
  if (past) name.remove_suffix(1);
  const samples::Past made = samples::with_past(named(name));
  std::fputs(answer_snapshot(made.now, past ? made.start.get() : nullptr, *query).body.c_str(),
             stdout);
  return 0;
}
