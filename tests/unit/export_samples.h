// SPDX-License-Identifier: Apache-2.0
// Hand-made snapshots for the tests of the export room.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "export/metrics.h"
#include "model/snapshot.h"

namespace throttlelens::samples {

using namespace std::chrono_literals;

inline CgroupRow row(std::uint64_t id, std::string path) {
  CgroupRow out;
  out.key = {id};
  out.path = std::make_shared<const std::string>(std::move(path));
  out.usage = 90s;
  out.windows = {{.length = 100ms, .last = 50ms, .peak = 200ms, .waits = {}},
                 {.length = 1s, .last = 250ms, .peak = 1s, .waits = {}},
                 {.length = 5s, .last = 5s, .peak = 6s, .waits = {}}};
  return out;
}

/// Every optional value but waits is there: 25 series.
inline CgroupRow limited_row(std::uint64_t id, std::string path) {
  CgroupRow out = row(id, std::move(path));
  out.bandwidth = Bandwidth{.limit = CpuLimit{.quota = 150ms, .period = 100ms, .burst = 10ms},
                            .nr_periods = 100,
                            .nr_throttled = 40,
                            .throttled_time = 2500ms,
                            .nr_bursts = 3,
                            .burst_time = 30ms};
  out.limit_ratio = LimitRatioHistogram{.buckets = {5, 0, 1, 0, 0, 2, 0, 0, 0, 1}, .sum = 6.5};
  return out;
}

/// Waits that nobody has to look at: the least that is shown of them.
inline WaitTotals calm_waits() {
  WaitTotals waits;
  waits.contention = 20ms;
  waits.lost = 5ms;
  waits.contention_waits.buckets = {90, 5, 1, 0, 0, 0, 0, 0};
  waits.contention_waits.sum = 20ms;
  return waits;
}

/// Waits of both causes, and episodes of every level.
inline WaitTotals full_waits() {
  WaitTotals waits;
  waits.throttle = 2500ms;
  waits.contention = 1250ms;
  waits.throttled_while_idle = 750ms;
  waits.lost = 125ms;
  waits.throttle_waits = {.buckets = {0, 0, 0, 1, 2, 0, 0, 0}, .sum = 150ms};
  waits.contention_waits = {.buckets = {4, 3, 0, 0, 0, 0, 0, 1}, .sum = 1200ms};
  waits.episodes = {{{.buckets = {0, 0, 0, 3, 0, 0, 0, 0}, .sum = 75ms},
                     {.buckets = {0, 0, 0, 0, 2, 0, 0, 0}, .sum = 160ms},
                     {.buckets = {1, 0, 0, 0, 0, 0, 0, 0}, .sum = 500us}}};
  return waits;
}

/// Everything that a row can show: 79 series if its pod is right above it, else 69.
inline CgroupRow waiting_row(std::uint64_t id, std::string path,
                             Standing standing = Standing::cgroup) {
  CgroupRow out = limited_row(id, std::move(path));
  out.waits = full_waits();
  out.standing = standing;
  return out;
}

inline std::shared_ptr<ContainerIdentity> identity(std::string pod_namespace, std::string pod,
                                                   std::string container) {
  auto out = std::make_shared<ContainerIdentity>();
  out->from_files = true;
  out->runtime = "containerd";
  out->container_id = std::string(64, 'c');
  out->pod_namespace = std::move(pod_namespace);
  out->pod = std::move(pod);
  out->container = std::move(container);
  return out;
}

inline ContainerRow container(CgroupRow cpu, std::string pod_namespace, std::string pod,
                              std::string name) {
  return {.identity = identity(std::move(pod_namespace), std::move(pod), std::move(name)),
          .cpu = std::move(cpu),
          .request = {}};
}

/// Every optional value of a container is there: two series more than the row.
inline ContainerRow full_container(CgroupRow cpu, std::string pod_namespace, std::string pod,
                                   std::string name) {
  ContainerRow out = container(std::move(cpu), "", "", "");
  const auto who = identity(std::move(pod_namespace), std::move(pod), std::move(name));
  who->uid = "0a1b-2c";
  who->image = "example/app:1";
  who->qos = "burstable";
  out.identity = who;
  out.request = CpuRequest{.cores = 0.25, .source = "shares"};
  return out;
}

inline PodRow pod(CgroupRow cpu, std::string pod_namespace, std::string name) {
  return {.pod_namespace = std::move(pod_namespace),
          .pod = std::move(name),
          .uid = "0a1b-2c",
          .cpu = std::move(cpu)};
}

/// Without cgroups.
inline Snapshot empty_snapshot() {
  Snapshot out;
  out.taken = {100s};
  out.last_window = 999;
  out.ready = true;
  out.base = 100ms;
  out.reported = {100ms, 1s, 5s};
  out.probe = {.tier = "bpf", .reason = "", .kernel = "6.1.0", .cgroup_mode = "v2"};
  out.cpus_online = 8;
  out.node = {{.length = 100ms, .busy = 200ms, .idle_ratio = 0.75},
              {.length = 1s, .busy = 2310ms, .idle_ratio = 0.71},
              {.length = 5s, .busy = 10s, .idle_ratio = 0.75}};
  out.losses.lost_switches = 0;
  return out;
}

inline OverheadRow overhead(std::string pod_namespace, std::string pod, std::string container) {
  OverheadRow out;
  out.pod_namespace = std::move(pod_namespace);
  out.pod = std::move(pod);
  out.container = std::move(container);
  return out;
}

/// What a node with one pod and one container outside of pods costs.
inline void add_overhead(Snapshot& out) {
  OverheadRow outside = overhead("", "", "web");
  outside.parts[3] = {.cpu = 10ms, .private_memory = 300000};
  OverheadRow in_pod = overhead("shop", "cart-1", "");
  in_pod.parts[0] = {.cpu = 2500ms, .private_memory = 4000000};
  in_pod.parts[1] = {.cpu = 7250ms, .private_memory = {}};
  in_pod.parts[2] = {.cpu = 20ms, .private_memory = 65536};
  out.overhead = {outside, in_pod};
  out.node_overhead = {{3s, 9s, 40ms, 50ms}};
  out.services = {{.name = "containerd", .cpu = 70s, .private_memory = 30000000},
                  {.name = "kubelet", .cpu = 80s, .private_memory = {}}};
  out.lost_processes = 5;
}

/// One of everything that can be exported.
inline Snapshot full_snapshot() {
  Snapshot out = empty_snapshot();
  out.probe.reason = "no kernel BTF";
  out.losses.lost_switches = 9;
  out.losses.recovered_switches = 8;
  out.losses.missed_windows = 2;
  out.losses.dropped_cgroups = 3;
  out.losses.partial_waits = 7;
  out.losses.lost_episodes = 6;
  out.losses.probe_run_time = 1500ms;
  out.cgroups = {row(1, "/"), limited_row(2, "/limited"), waiting_row(6, "/waiting")};
  out.containers = {
      container(row(3, "/w"), "", "", "web"),
      full_container(waiting_row(4, "/a", Standing::pod_container), "shop", "cart-1", "app")};
  out.containers[0].cpu.alive = false;
  out.pods = {pod(limited_row(5, "/p"), "shop", "cart-1")};
  out.ended = {{.pod_namespace = "", .usage = 5s}, {.pod_namespace = "shop", .usage = 1500ms}};
  add_overhead(out);
  out.metadata_errors = {{.source = "docker", .count = 2}, {.source = "none", .count = 1}};
  return out;
}

inline ProcessStats process() {
  return {.cpu_seconds = 1.5,
          .start_time_seconds = 1700000000.25,
          .resident_bytes = 4096,
          .virtual_bytes = 8192,
          .open_fds = 12,
          .max_fds = 1024};
}

inline MetricsOptions options(std::uint32_t max_series = 50000) {
  return {.max_series = max_series,
          .build = {.version = "0.1.0", .commit = "abc", .libbpf = "1.1", .compiler = "GNU 12"}};
}

}  // namespace throttlelens::samples
