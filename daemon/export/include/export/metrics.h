// SPDX-License-Identifier: Apache-2.0
// A snapshot as Prometheus metric families.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "model/snapshot.h"

namespace throttlelens {

struct BuildInfo {
  std::string version;
  std::string commit;
  std::string libbpf;
  std::string compiler;
};

/// The process on itself. Source: /proc/self/stat, /proc/self/fd, getrlimit.
struct ProcessStats {
  double cpu_seconds = 0;
  double start_time_seconds = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
};

struct MetricsOptions {
  std::uint32_t max_series = 50000;
  BuildInfo build;
};

/// Text exposition format 0.0.4. Rows beyond max_series are left out whole and counted in
/// throttlelens_series_dropped_total, which never goes down: `dropped_so_far` is updated.
std::string render_metrics(const Snapshot& snapshot, const ProcessStats& process,
                           const MetricsOptions& options, std::uint64_t& dropped_so_far);

ProcessStats read_process_stats();

}  // namespace throttlelens
