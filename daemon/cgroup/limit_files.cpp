// SPDX-License-Identifier: Apache-2.0
#include "limit_files.h"

#include <cerrno>
#include <string>
#include <utility>

#include "cgroup/counters_text.h"

namespace throttlelens {

Result<void> read_limit(Nodes& nodes, Files& files, Node& node, bool v2) {
  node.limit_known = false;
  auto dir = files.open_dir(node);
  if (!dir) return std::unexpected(std::move(dir.error()));
  const char* main_file = v2 ? "cpu.max" : "cpu.cfs_quota_us";
  auto main = files.read_once(dir->get(), main_file);
  if (!main) {
    if (main.error().code != ENOENT) return std::unexpected(std::move(main.error()));
    node.limit = std::nullopt;
    node.bandwidth = false;
    node.limit_known = true;
    return {};
  }
  auto burst = files.read_once(dir->get(), v2 ? "cpu.max.burst" : "cpu.cfs_burst_us");
  const std::string burst_text = burst ? std::move(*burst) : std::string();  // not on old kernels
  ParsedLimit parsed;
  if (v2) {
    parsed = parse_cpu_max(*main, burst_text);
  } else {
    auto period = files.read_once(dir->get(), "cpu.cfs_period_us");
    if (!period) return std::unexpected(std::move(period.error()));
    parsed = parse_cfs(*main, *period, burst_text);
  }
  if (!parsed) {
    return std::unexpected(Error{.what = std::string("understand ") + main_file + " of",
                                 .on = nodes.path(node),
                                 .code = EINVAL});
  }
  node.limit = *parsed;
  node.bandwidth = true;
  node.limit_known = true;
  return {};
}

}  // namespace throttlelens
