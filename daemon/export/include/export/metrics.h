// SPDX-License-Identifier: Apache-2.0
// A snapshot as Prometheus metric families.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/snapshot.h"

namespace throttlelens {

struct BuildInfo {
  std::string version;
  std::string commit;
  std::string libbpf;
  std::string compiler;
};

/// The process on itself; what could not be read is absent.
/// Source: CLOCK_PROCESS_CPUTIME_ID, /proc/self/stat, /proc/self/fd, getrlimit.
struct ProcessStats {
  std::optional<double> cpu_seconds;
  std::optional<double> start_time_seconds;  ///< since the epoch
  std::optional<std::uint64_t> resident_bytes;
  std::optional<std::uint64_t> virtual_bytes;
  std::optional<std::uint64_t> open_fds;
  std::optional<std::uint64_t> max_fds;
};

struct MetricsOptions {
  std::uint32_t max_series = 50000;
  std::vector<std::string> exclude{};  ///< globs over names of families that are not wanted
  BuildInfo build;
};

inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/// Series that did not fit into max_series.
struct SeriesLeftOut {
  struct Namespace {
    std::string name;  ///< as exposed
    std::uint64_t series = 0;
  };
  std::uint64_t series = 0;
  std::vector<Namespace> namespaces;  ///< the three with the most, most first; never empty names
};

struct RenderedMetrics {
  std::string text;  ///< text exposition format 0.0.4
  SeriesLeftOut left_out;
};

/// At most max_series series. The node's and the profiler's own are always there; then come
/// containers, pods, what pods cost, what ended, other cgroups: among each those with a limit
/// first, then those with the most CPU time in total, until the next one would not fit. A row is
/// there whole or not at all; series left out are added to `dropped_so_far`
/// (throttlelens_series_dropped_total), once each time they are left out. Callers that share one
/// `dropped_so_far` must take turns.
RenderedMetrics render_metrics(const Snapshot& snapshot, const ProcessStats& process,
                               const MetricsOptions& options, std::uint64_t& dropped_so_far);

/// Those of `globs` that no metric of the catalogue matches.
std::vector<std::string> globs_without_metric(std::span<const std::string> globs);

ProcessStats read_process_stats();

}  // namespace throttlelens
