// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <bpf/libbpf.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "capabilities.h"
#include "kernel_types.h"
#include "probe/plan.h"

namespace throttlelens {

namespace {

Feature capability_feature(const char* name, unsigned capability) {
  // Before 5.8 CAP_SYS_ADMIN stood for both, and it still implies them.
  const bool present = has_capability(capability) || has_capability(kCapSysAdmin);
  return {.name = name,
          .present = present,
          .required = true,
          .detail = present ? "" : "not in the effective set of this process",
          .fix = present ? ""
                         : (::geteuid() == 0 ? "grant " : "run as root, or grant ") +
                               std::string(name)};
}

Feature fields_feature(const KernelTypes& types) {
  static constexpr std::pair<const char*, const char*> kNeeded[] = {
      {"task_struct", "sched_task_group"},  // CONFIG_CGROUP_SCHED
      {"cfs_rq", "rq"},                     // CONFIG_FAIR_GROUP_SCHED
      {"rq", "clock"},
      {"sched_entity", "sum_exec_runtime"},
      {"sched_entity", "prev_sum_exec_runtime"},
      {"cgroup_subsys_state", "serial_nr"},
      {"kernfs_node", "id"},
      {"task_group", "cfs_bandwidth"},  // CONFIG_CFS_BANDWIDTH
  };
  Feature feature{
      .name = "scheduler fields", .present = true, .required = true, .detail = {}, .fix = {}};
  for (const auto& [structure, field] : kNeeded) {
    if (types.has_field(structure, field)) continue;
    feature.present = false;
    if (!feature.detail.empty()) feature.detail += ", ";
    feature.detail += std::string(structure) + "." + field;
  }
  if (!feature.present) {
    feature.fix =
        "use a kernel built with CONFIG_CGROUP_SCHED and CONFIG_CFS_BANDWIDTH, 5.10 or later";
  }
  return feature;
}

Feature memlock_feature(const std::string& kernel) {
  // Memory of BPF maps is charged to the memory cgroup since 5.11, to RLIMIT_MEMLOCK before.
  int major = 0;
  int minor = 0;
  std::sscanf(kernel.c_str(), "%d.%d", &major, &minor);
  Feature feature{
      .name = "memory for BPF maps", .present = true, .required = true, .detail = {}, .fix = {}};
  if (major > 5 || (major == 5 && minor >= 11)) return feature;
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  feature.present = has_capability(kCapSysResource) || limit.rlim_max == RLIM_INFINITY;
  feature.detail =
      feature.present ? "RLIMIT_MEMLOCK can be raised" : "RLIMIT_MEMLOCK cannot be raised";
  if (!feature.present) feature.fix = "grant CAP_SYS_RESOURCE, or set LimitMEMLOCK=infinity";
  return feature;
}

}  // namespace

Features detect_features() {
  Features features;
  utsname name{};
  ::uname(&name);
  features.kernel = name.release;
  features.machine = name.machine;
  const int cpus = libbpf_num_possible_cpus();
  features.cpus_possible = cpus > 0 ? static_cast<std::uint32_t>(cpus) : 0;

  // The order in which programs write and we read is kept by x86; others need barriers.
  const bool ordered = features.machine == "x86_64";
  features.list.push_back({.name = "x86_64",
                           .present = ordered,
                           .required = true,
                           .detail = ordered ? "" : "this is " + features.machine,
                           .fix = ordered ? "" : "use a later version"});
  const KernelTypes types;
  features.list.push_back(
      {.name = "kernel BTF",
       .present = types.loaded(),
       .required = true,
       .detail = types.loaded() ? "/sys/kernel/btf/vmlinux" : std::strerror(types.reason()),
       .fix = types.loaded() ? "" : "use a kernel built with CONFIG_DEBUG_INFO_BTF"});
  const bool tracepoint = types.has_tracepoint("sched_switch");
  features.list.push_back({.name = "tp_btf/sched_switch",
                           .present = tracepoint,
                           .required = true,
                           .detail = tracepoint ? "" : "not in the kernel's BTF",
                           .fix = tracepoint ? "" : "use a kernel built with CONFIG_TRACEPOINTS"});
  features.list.push_back(fields_feature(types));
  features.list.push_back(capability_feature("CAP_BPF", kCapBpf));
  features.list.push_back(capability_feature("CAP_PERFMON", kCapPerfmon));
  features.list.push_back(memlock_feature(features.kernel));
  const WaitFields waits = wait_fields(types);
  features.list.push_back(
      {.name = "waits",
       .present = waits.run_delay,
       .required = false,
       .detail = waits.run_delay ? "" : "the kernel keeps no run delay",
       .fix = waits.run_delay ? "" : "use a kernel built with CONFIG_SCHEDSTATS"});
  features.list.push_back({.name = "irq and steal time",
                           .present = waits.lost_time,
                           .required = false,
                           .detail = waits.lost_time ? "" : "the kernel charges it to threads",
                           .fix = {}});
  const bool burst = types.has_field("cfs_bandwidth", "burst");
  features.list.push_back({.name = "CPU burst",
                           .present = burst,
                           .required = false,
                           .detail = burst ? "" : "the kernel is older than 5.14",
                           .fix = {}});
  features.private_memory = has_capability(kCapSysPtrace);
  for (Feature& feature : detect_process_features()) features.list.push_back(std::move(feature));
  return features;
}

}  // namespace throttlelens
