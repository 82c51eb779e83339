// SPDX-License-Identifier: Apache-2.0
#include "usage_check.h"

#include <algorithm>
#include <utility>

namespace throttlelens {

namespace {
constexpr std::size_t kChecksPerWindow = 32;    // a bound on file reads, whatever happens
constexpr std::uint64_t kRollingWindows = 100;  // every active cgroup is compared this often
constexpr int kBusyChecks = 5;
constexpr int kQuietChecks = 2;  // a burst after the edge does not come twice in idle windows
// Less than this is the doubt of the comparison: the kernel adds a running slice at ticks only.
constexpr Nanoseconds kAgreement = std::chrono::milliseconds(1);
constexpr Nanoseconds kQuietAgreement = std::chrono::microseconds(100);
}  // namespace

void UsageCheck::suspect(const GroupTable::GroupPtr& group) {
  if (!group->usage_before || std::exchange(group->suspected, true)) return;
  suspects_.push_back({.group = group});
}

// What the kernel counted beyond our total. The counter is read a little after the edge; what ran
// in between is estimated from the window before. Absent when the cgroup was removed meanwhile.
std::optional<Nanoseconds> UsageCheck::difference(const Group& group, MonoTime edge) {
  const auto usage = counters_.usage(group.key);
  if (!usage) return std::nullopt;
  const double after_edge = to_seconds(clock_.now() - edge) / to_seconds(base_);
  const auto since =
      static_cast<std::int64_t>(static_cast<double>(group.used.count()) * after_edge);
  return *usage - *group.usage_before - group.total - Nanoseconds(since);
}

void UsageCheck::window_done(MonoTime edge, const std::vector<GroupTable::GroupPtr>& active,
                             bool lost, std::vector<UsageCorrection>& corrections) {
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
    const bool quiet = group->used.count() == 0;
    if (quiet && !current.quiet) current = {.group = group, .quiet = true};
    const auto missing = difference(*group, edge);
    if (!missing) {
      group->suspected = false;
      continue;
    }
    // The doubt goes both ways, a missed slice only one: the smallest of several is no
    // exaggeration.
    current.least = std::min(current.least, *missing);
    ++current.checks;
    const bool verdict = current.checks >= (current.quiet ? kQuietChecks : kBusyChecks);
    const Nanoseconds agreement = current.quiet ? kQuietAgreement : kAgreement;
    if (verdict && current.least > agreement) {
      group->total += current.least;
      corrections.push_back({group->key, current.least});
    }
    if (!verdict) {
      suspects_.push_back(std::move(current));
      continue;
    }
    group->suspected = false;
    if (!current.quiet && !std::exchange(group->unsettled, true)) unsettled_.push_back(group);
  }
}

}  // namespace throttlelens
