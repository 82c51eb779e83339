// SPDX-License-Identifier: Apache-2.0
#include "usage_check.h"

#include <utility>

namespace throttlelens {

namespace {
constexpr std::size_t kChecksPerWindow = 32;    // a bound on file reads, whatever happens
constexpr std::uint64_t kRollingWindows = 100;  // every active cgroup is compared this often
}  // namespace

// Absent when the two agree as far as their instants allow: the counter is read after the edge,
// and the kernel adds a running slice to it only at ticks.
std::optional<Nanoseconds> UsageCheck::missed(const Group& group, MonoTime edge,
                                              std::uint32_t cpus) {
  if (!group.usage_before) return std::nullopt;
  const auto usage = counters_.usage(group.key);
  if (!usage) return std::nullopt;  // removed meanwhile: its totals stay as they are
  const Nanoseconds since_edge = clock_.now() - edge;
  const Nanoseconds difference = *usage - *group.usage_before - group.total;
  const Nanoseconds doubt = since_edge * cpus + std::chrono::milliseconds(1);
  if (difference <= doubt) return std::nullopt;
  return difference - since_edge * group.used.count() / base_.count();
}

void UsageCheck::window_done(MonoTime edge, const std::vector<GroupTable::GroupPtr>& active,
                             bool lost, std::uint32_t cpus,
                             std::vector<UsageCorrection>& corrections) {
  ++windows_;
  std::size_t checks = 0;
  const auto check = [&](const GroupTable::GroupPtr& group) {
    ++checks;
    const auto time = missed(*group, edge, cpus);
    if (!time) return;
    group->total += *time;
    corrections.push_back({group->key, *time});
  };
  while (!suspects_.empty() && checks < kChecksPerWindow) {
    if (const auto group = suspects_.front().lock()) {
      group->suspected = false;
      check(group);
    }
    suspects_.pop_front();
  }
  for (const auto& group : active) {
    if (lost) {
      if (!std::exchange(group->suspected, true)) suspects_.emplace_back(group);
    } else if (checks < kChecksPerWindow &&
               group->key.id % kRollingWindows == windows_ % kRollingWindows) {
      check(group);
    }
  }
}

}  // namespace throttlelens
