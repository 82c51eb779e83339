// SPDX-License-Identifier: Apache-2.0
#include "usage_check.h"

#include <algorithm>
#include <utility>

namespace throttlelens {

namespace {
constexpr std::size_t kChecksPerWindow = 32;    // a bound on file reads, whatever happens
constexpr std::uint64_t kRollingWindows = 100;  // every active cgroup is compared this often
constexpr int kBusyChecks = 5;
// Less than this is not worth a correction while busy, and is the kernel's own business when quiet:
// a thread that ends or changes its cgroup is charged a little after it left for us.
constexpr Nanoseconds kBusyAgreement = std::chrono::milliseconds(1);
constexpr Nanoseconds kQuietAgreement = std::chrono::microseconds(500);

void correct(Group& group, Nanoseconds missed, std::vector<UsageCorrection>& corrections) {
  group.total += missed;
  corrections.push_back({group.key, missed});
}
}  // namespace

void UsageCheck::suspect(const GroupTable::GroupPtr& group) {
  if (!group->usage_before || std::exchange(group->suspected, true)) return;
  suspects_.push_back({.group = group, .checks = 0, .certain{}, .quiet_usage{}});
}

// Whether the suspect must be looked at again.
bool UsageCheck::check(Suspect& suspect, Group& group, MonoTime edge, std::uint32_t cpus,
                       std::vector<UsageCorrection>& corrections) {
  const auto usage = counters_.usage(group.key);
  if (!usage || !group.usage_before) return false;  // removed meanwhile: its total stays as it is
  const Nanoseconds difference = *usage - *group.usage_before - group.total;
  if (group.used.count() == 0) {
    // Twice the same counter with a window in between: nothing ran, so the difference is exact.
    if (std::exchange(suspect.quiet_usage, *usage) != *usage) return true;
    if (difference > kQuietAgreement) correct(group, difference, corrections);
    return false;
  }
  suspect.quiet_usage.reset();
  suspect.certain = std::max(suspect.certain, difference - (clock_.now() - edge) * cpus);
  if (++suspect.checks < kBusyChecks) return true;
  if (suspect.certain > kBusyAgreement) correct(group, suspect.certain, corrections);
  if (!std::exchange(group.unsettled, true)) unsettled_.push_back(suspect.group);
  return false;
}

void UsageCheck::window_done(MonoTime edge, const std::vector<GroupTable::GroupPtr>& active,
                             bool lost, std::uint32_t cpus,
                             std::vector<UsageCorrection>& corrections) {
  ++windows_;
  for (const auto& group : active) {
    const bool turn = group->key.id % kRollingWindows == windows_ % kRollingWindows;
    if (lost || turn) suspect(group);
  }
  std::erase_if(unsettled_, [&](const std::weak_ptr<Group>& weak) {
    const auto group = weak.lock();
    if (!group) return true;
    if (group->used.count() != 0 || group->suspected) return false;
    group->unsettled = false;
    suspect(group);
    return true;
  });
  for (std::size_t left = std::min(suspects_.size(), kChecksPerWindow); left > 0; --left) {
    Suspect current = std::move(suspects_.front());
    suspects_.pop_front();
    const auto group = current.group.lock();
    if (!group) continue;
    if (check(current, *group, edge, cpus, corrections)) {
      suspects_.push_back(std::move(current));
    } else {
      group->suspected = false;
    }
  }
}

}  // namespace throttlelens
