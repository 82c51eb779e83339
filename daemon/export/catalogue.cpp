// SPDX-License-Identifier: Apache-2.0
#include "export/catalogue.h"

#include <array>

namespace throttlelens {

namespace {

using enum MetricKind;

constexpr std::string_view kBoth = "bpf, cpustat";
constexpr std::string_view kBpf = "bpf";
constexpr std::string_view kUse = "sched_switch, checked against cpu.stat (v1: cpuacct.usage)";

constexpr MetricEntry metric(std::string_view name, MetricKind kind, std::string_view labels,
                             std::string_view help, std::string_view source,
                             std::string_view tiers) {
  return {
      .name = name, .kind = kind, .labels = labels, .help = help, .source = source, .tiers = tiers};
}

constexpr std::array kCatalogue{
    metric("throttlelens_build_info", gauge, "version,commit,libbpf,compiler",
           "Always 1; the labels say what is running.", "build", kBoth),
    metric("throttlelens_probe_info", gauge, "tier,kernel,cgroup_mode,reason",
           "Always 1; the labels say how this node is measured, and why not by BPF.",
           "feature detection", kBoth),
    metric("throttlelens_node_cpu_utilization_cores", gauge, "window",
           "CPU in use on the node in the last completed window, in cores.",
           "sched_switch; usage of the root cgroup", kBoth),
    metric("throttlelens_node_cpu_idle_ratio", gauge, "window",
           "Share of the node's online CPUs idle in the last completed window, 0 to 1.",
           "sched_switch to the idle threads", kBpf),

    metric("throttlelens_probe_lost_switches_total", counter, "",
           "Context switches whose previous thread was not the one recorded.", "BPF map", kBpf),
    metric("throttlelens_probe_recovered_switches_total", counter, "",
           "Lost switches whose CPU time was still found in the kernel's own fields.", "BPF map",
           kBpf),
    metric("throttlelens_probe_missed_windows_total", counter, "",
           "Base windows read too late to be told apart.", "sampler", kBoth),
    metric("throttlelens_probe_dropped_cgroups_total", counter, "",
           "Cgroups not measured because limits.max_cgroups was reached.", "sampler", kBoth),
    metric("throttlelens_probe_run_seconds_total", counter, "",
           "CPU time the kernel spent in the probe's program on sched_switch.",
           "run_time_ns of bpf_prog_info, with kernel.bpf_stats_enabled", kBpf),
    metric("throttlelens_series_dropped_total", counter, "",
           "Series left out of scrapes because limits.max_series was reached.", "exporter", kBoth),

    metric("process_cpu_seconds_total", counter, "",
           "Total user and system CPU time spent in seconds.", "CLOCK_PROCESS_CPUTIME_ID", kBoth),
    metric("process_resident_memory_bytes", gauge, "", "Resident memory size in bytes.",
           "rss of /proc/self/stat", kBoth),
    metric("process_virtual_memory_bytes", gauge, "", "Virtual memory size in bytes.",
           "vsize of /proc/self/stat", kBoth),
    metric("process_open_fds", gauge, "", "Number of open file descriptors.", "/proc/self/fd",
           kBoth),
    metric("process_max_fds", gauge, "", "Maximum number of open file descriptors.",
           "getrlimit RLIMIT_NOFILE", kBoth),
    metric("process_start_time_seconds", gauge, "",
           "Start time of the process since unix epoch in seconds.",
           "starttime of /proc/self/stat, btime of /proc/stat", kBoth),

    metric("throttlelens_cgroup_cpu_usage_seconds_total", counter, "cgroup",
           "CPU time used by the cgroup and all below it.", kUse, kBoth),
    metric("throttlelens_cgroup_cpu_utilization_cores", gauge, "cgroup,window",
           "CPU in use in the last completed window, in cores.", kUse, kBoth),
    metric("throttlelens_cgroup_cpu_window_peak_cores", gauge, "cgroup,window",
           "Highest use of any window within the last 60 seconds, in cores.", kUse, kBoth),
    metric("throttlelens_cgroup_cpu_window_limit_utilization_ratio", histogram, "cgroup,window",
           "Windows by their CPU use divided by the limit; absent without a limit.",
           "sched_switch or cpu.stat, and cpu.max (v1: cpu.cfs_quota_us)", kBoth),
    metric("throttlelens_cgroup_cpu_limit_cores", gauge, "cgroup",
           "CPU limit in cores; absent without a limit.",
           "quota and period of cpu.max (v1: cpu.cfs_quota_us, cpu.cfs_period_us)", kBoth),
    metric("throttlelens_cgroup_cpu_cfs_periods_total", counter, "cgroup",
           "Enforcement periods in which the cgroup had something to run.",
           "nr_periods of cpu.stat", kBoth),
    metric("throttlelens_cgroup_cpu_cfs_throttled_periods_total", counter, "cgroup",
           "Enforcement periods in which the cgroup ran out of quota.", "nr_throttled of cpu.stat",
           kBoth),
    metric("throttlelens_cgroup_cpu_throttled_seconds_total", counter, "cgroup",
           "Time throttled, summed over CPUs; moves when throttling ends.",
           "throttled_usec of cpu.stat (v1: throttled_time)", kBoth),
    metric("throttlelens_cgroup_cpu_cfs_burst_periods_total", counter, "cgroup",
           "Enforcement periods in which saved-up quota was used.", "nr_bursts of cpu.stat", kBoth),
    metric("throttlelens_cgroup_cpu_burst_seconds_total", counter, "cgroup",
           "CPU time used above the quota out of saved-up quota.",
           "burst_usec of cpu.stat (v1: burst_time)", kBoth),
};

std::string escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::span<const MetricEntry> metric_catalogue() {
  return kCatalogue;
}

std::string_view to_string(MetricKind kind) {
  switch (kind) {
    case counter:
      return "counter";
    case gauge:
      return "gauge";
    case histogram:
      return "histogram";
  }
  return "untyped";
}

std::string catalogue_markdown() {
  std::string out =
      "| metric | type | labels | meaning | source | tiers |\n"
      "|---|---|---|---|---|---|\n";
  const auto cell = [&out](std::string_view text) {
    out += ' ';
    out += escaped(text, "|");
    out += " |";
  };
  for (const MetricEntry& entry : kCatalogue) {
    out += "| `";
    out += entry.name;
    out += "` |";
    cell(to_string(entry.kind));
    cell(entry.labels);
    cell(entry.help);
    cell(entry.source);
    cell(entry.tiers);
    out += '\n';
  }
  return out;
}

std::string catalogue_json() {
  std::string out = R"({"schema_version": 1, "metrics": [)";
  // The texts above are printable ASCII, so quotes and backslashes are all there is to escape.
  const auto field = [&out](std::string_view key, std::string_view value) {
    if (out.back() != '{') out += ", ";
    out += '"';
    out += key;
    out += "\": \"";
    out += escaped(value, "\"\\");
    out += '"';
  };
  for (const MetricEntry& entry : kCatalogue) {
    out += &entry == kCatalogue.data() ? "\n  {" : ",\n  {";
    field("name", entry.name);
    field("type", to_string(entry.kind));
    // A list, so that a reader need not know how labels are joined.
    out += ", \"labels\": [";
    for (std::string_view rest = entry.labels; !rest.empty();) {
      const std::string_view label = rest.substr(0, rest.find(','));
      rest.remove_prefix(label.size() == rest.size() ? label.size() : label.size() + 1);
      out += '"';
      out += label;
      out += rest.empty() ? "\"" : "\", ";
    }
    out += ']';
    field("help", entry.help);
    field("source", entry.source);
    field("tiers", entry.tiers);
    out += '}';
  }
  out += "\n]}\n";
  return out;
}

}  // namespace throttlelens
