// SPDX-License-Identifier: Apache-2.0
#include "export/catalogue.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "row_families.h"

namespace throttlelens {

namespace {

using enum MetricKind;

constexpr MetricEntry metric(std::string_view name, MetricKind kind, std::string_view labels,
                             std::string_view help, std::string_view source,
                             std::string_view tiers) {
  return {
      .name = name, .kind = kind, .labels = labels, .help = help, .source = source, .tiers = tiers};
}

constexpr std::string_view kOverheadCpuSource =
    "fork, exec, exit and cgroup_attach_task of shims, runc and conmon (cpustat: /proc/PID/stat, "
    "no runc); the sandbox's cgroup";
constexpr std::string_view kPrivateMemorySource =
    "Private_Clean and Private_Dirty of /proc/PID/smaps_rollup";

constexpr std::array kOwn{
    metric("throttlelens_build_info", gauge, "version,commit,libbpf,compiler",
           "Always 1; the labels say what is running.", "build", kAllTiers),
    metric("throttlelens_probe_info", gauge, "tier,kernel,cgroup_mode,reason",
           "Always 1; the labels say how this node is measured, and why not by BPF.",
           "feature detection", kAllTiers),
    metric("throttlelens_node_online_cpus", gauge, "",
           "CPUs online on the node: what use, time lost and idle time add up to.",
           "/sys/devices/system/cpu/online", kAllTiers),
    metric("throttlelens_node_cpu_utilization_cores", gauge, "window",
           "CPU in use on the node in the last completed window, in cores.",
           "sched_switch; usage of the root cgroup", kAllTiers),
    metric("throttlelens_node_cpu_idle_ratio", gauge, "window",
           "Share of the node's online CPUs idle in the last completed window, 0 to 1.",
           "sched_switch to the idle threads", kBpfTier),
    metric("throttlelens_node_overhead_cpu_seconds_total", counter, "component",
           "CPU time in seconds that running pods cost beside what runs in them: all of the node, "
           "pods that are gone included.",
           kOverheadCpuSource, kAllTiers),
    metric("throttlelens_node_service_cpu_seconds_total", counter, "service",
           "CPU time in seconds used by the node's services, all processes of that name.",
           "signal_struct.sum_sched_runtime (cpustat: /proc/PID/stat)", kAllTiers),
    metric("throttlelens_node_service_private_memory_bytes", gauge, "service",
           "Memory in bytes that only this service uses; absent where it may not be read.",
           kPrivateMemorySource, kAllTiers),

    metric("throttlelens_probe_lost_switches_total", counter, "",
           "Context switches whose previous thread was not the one recorded.", "BPF map", kBpfTier),
    metric("throttlelens_probe_recovered_switches_total", counter, "",
           "Lost switches whose CPU time was still found in the kernel's own fields.", "BPF map",
           kBpfTier),
    metric("throttlelens_probe_missed_windows_total", counter, "",
           "Base windows read too late to be told apart.", "sampler", kAllTiers),
    metric("throttlelens_probe_dropped_cgroups_total", counter, "",
           "Cgroups not measured because limits.max_cgroups was reached.", "sampler", kAllTiers),
    metric("throttlelens_probe_partial_waits_total", counter, "",
           "Waits whose beginning was not seen whole: their length or cause is known in part only.",
           "BPF map", kBpfTier),
    metric("throttlelens_probe_lost_episodes_total", counter, "",
           "Throttle episodes missing in throttle_episode_seconds: there was no room for them.",
           "BPF map", kBpfTier),
    metric("throttlelens_probe_lost_processes_total", counter, "",
           "Processes of shims and services whose beginning or end was not seen.", "BPF map",
           kBpfTier),
    metric("throttlelens_probe_run_seconds_total", counter, "",
           "CPU time the kernel spent in the probe's program on sched_switch.",
           "run_time_ns of bpf_prog_info, with kernel.bpf_stats_enabled", kBpfTier),
    metric(
        "throttlelens_series_dropped_total", counter, "",
        "Series left out of scrapes: limits.max_series was reached, or another has their labels.",
        "exporter", kAllTiers),
    metric(
        "throttlelens_metadata_errors_total", counter, "source",
        "Containers whose names could not be had, by runtime; none: no file; claimed: another's.",
        "the runtimes' state directories", kAllTiers),
    metric("throttlelens_containers", gauge, "state",
           "Containers listed by name: running, or ended but still listed.",
           "cgroups by their paths, and the runtimes' files", kAllTiers),

    metric("process_cpu_seconds_total", counter, "",
           "Total user and system CPU time spent in seconds.", "CLOCK_PROCESS_CPUTIME_ID",
           kAllTiers),
    metric("process_resident_memory_bytes", gauge, "", "Resident memory size in bytes.",
           "rss of /proc/self/stat", kAllTiers),
    metric("process_virtual_memory_bytes", gauge, "", "Virtual memory size in bytes.",
           "vsize of /proc/self/stat", kAllTiers),
    metric("process_open_fds", gauge, "", "Number of open file descriptors.", "/proc/self/fd",
           kAllTiers),
    metric("process_max_fds", gauge, "", "Maximum number of open file descriptors.",
           "getrlimit RLIMIT_NOFILE", kAllTiers),
    metric("process_start_time_seconds", gauge, "",
           "Start time of the process since unix epoch in seconds.",
           "starttime of /proc/self/stat, btime of /proc/stat", kAllTiers),
};

constexpr std::array kContainers{
    metric("throttlelens_container_info", gauge,
           "namespace,pod,container,uid,container_id,image,qos,runtime",
           "Always 1; the labels say what the container is.",
           "the bundle's config.json, the runtime's state directory, the cgroup's path", kAllTiers),
    metric("throttlelens_container_cpu_request_cores", gauge, "namespace,pod,container,source",
           "CPU request in cores as the kernel enforces it now; source says how it is known.",
           "cpu.shares (v1), cpu.weight and linux.resources.cpu.shares of config.json (v2)",
           kAllTiers),
};

constexpr std::array kPods{
    metric("throttlelens_pod_cpu_usage_seconds_total", counter, "namespace,pod",
           "CPU time in seconds used in the pod's cgroup, by ended containers too.", kUseSource,
           kAllTiers),
    metric("throttlelens_pod_cpu_limit_cores", gauge, "namespace,pod",
           "CPU limit of the pod's own cgroup in cores; absent without a limit.", kLimitSource,
           kAllTiers),
    metric(
        "throttlelens_pod_overhead_cpu_seconds_total", counter, "namespace,pod,container,component",
        "CPU time in seconds that running the pod costs beside what runs in it: shim; runc, with "
        "each exec probe until it is in the container; pause; conmon. container is there "
        "outside of pods only.",
        kOverheadCpuSource, kAllTiers),
    metric("throttlelens_pod_overhead_private_memory_bytes", gauge,
           "namespace,pod,container,component",
           "Memory in bytes that only these processes of the pod use; absent where none is there, "
           "or where it may not be read.",
           kPrivateMemorySource, kAllTiers),
    metric("throttlelens_ended_cpu_usage_seconds_total", counter, "namespace",
           "CPU time in seconds used by pods and containers that are no longer listed.", kUseSource,
           kAllTiers),
};

/// What rows are about, as names and labels say it.
struct RowSubject {
  std::string_view prefix;
  std::string_view labels;
};
constexpr RowSubject kContainerRows{.prefix = kContainerPrefix,
                                    .labels = "namespace,pod,container"};
constexpr RowSubject kCgroupRows{.prefix = kCgroupPrefix, .labels = "cgroup"};

class JoinedText {
 public:
  constexpr void append(std::string_view part) {
    for (const char c : part) text_[size_++] = c;
  }
  constexpr std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 80> text_{};
  std::size_t size_ = 0;
};

struct RowTexts {
  JoinedText name;
  JoinedText labels;
};
using AllRowTexts = std::array<RowTexts, kRowFamilies.size()>;

constexpr AllRowTexts row_texts(const RowSubject& subject) {
  AllRowTexts texts{};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const RowFamily& family = kRowFamilies[i];
    texts[i].name.append(subject.prefix);
    texts[i].name.append(family.suffix);
    texts[i].labels.append(subject.labels);
    if (family.label().empty()) continue;
    texts[i].labels.append(",");
    texts[i].labels.append(family.label());
  }
  return texts;
}

// Entries refer to them, so they have a place of their own.
constexpr AllRowTexts kContainerTexts = row_texts(kContainerRows);
constexpr AllRowTexts kCgroupTexts = row_texts(kCgroupRows);

using Catalogue = std::array<MetricEntry, kOwn.size() + kContainers.size() + kPods.size() +
                                              2 * kRowFamilies.size()>;

constexpr Catalogue make_catalogue() {
  Catalogue all{};
  auto out = all.begin();
  const auto add_rows = [&out](const AllRowTexts& texts) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const RowFamily& family = kRowFamilies[i];
      *out++ = metric(texts[i].name.view(), family.kind, texts[i].labels.view(), family.help,
                      family.source, family.tiers);
    }
  };
  out = std::ranges::copy(kOwn, out).out;
  out = std::ranges::copy(kContainers, out).out;
  add_rows(kContainerTexts);
  out = std::ranges::copy(kPods, out).out;
  add_rows(kCgroupTexts);
  return all;
}

constexpr Catalogue kCatalogue = make_catalogue();

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
