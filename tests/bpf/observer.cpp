// SPDX-License-Identifier: Apache-2.0
#include "observer.h"

#include <ctime>

#include <catch2/catch.hpp>
#include <poll.h>

#include "kernel_waits.h"
#include "probe/plan.h"

namespace throttlelens::test {

namespace {

void sleep_until(MonoTime time) {
  const auto ns = time.since_boot.count();
  const timespec at{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) != 0) {
  }
}

bool readable_within(int fd, Nanoseconds time) {
  if (time <= Nanoseconds(0)) return false;
  pollfd polled{.fd = fd, .events = POLLIN, .revents = 0};
  const timespec wait{.tv_sec = time.count() / 1'000'000'000,
                      .tv_nsec = time.count() % 1'000'000'000};
  return ::ppoll(&polled, 1, &wait, nullptr) > 0;
}

}  // namespace

Observer::Observer(const SourceOptions& options, Rooms* rooms) : options_(options), rooms_(rooms) {
  auto tree = CgroupTree::open({});
  INFO((tree ? "" : tree.error().message()));
  REQUIRE(tree);
  tree_ = std::move(*tree);
  const ProbePlan plan = make_plan(detect_features());
  INFO(plan.reason);
  REQUIRE(plan.bpf);
  auto source = make_bpf_source(
      options, ProbeInfo{.tier = "bpf", .reason = {}, .kernel = {}, .cgroup_mode = {}}, *tree_);
  INFO((source ? "" : source.error().message()));
  REQUIRE(source);
  source_ = std::move(*source);
  // Counting begins at the first window's edge after attaching.
  while (node_.empty()) {
    sleep_until_next_edge();
    collect();
  }
}

void Observer::sleep_until_next_edge() {
  const auto window = clock_.now().since_boot / options_.base;
  const MonoTime edge{options_.base * (window + 1) + std::chrono::milliseconds(1)};
  while (rooms_ != nullptr && readable_within(tree_->notify_fd(), edge - clock_.now())) collect();
  sleep_until(edge);
}

void Observer::run_until(const std::function<bool()>& done) {
  int more = 2;
  while (more > 0) {
    sleep_until_next_edge();
    if (done()) --more;
    collect();
  }
}

void Observer::run_for(Nanoseconds time) {
  const MonoTime end = clock_.now() + time;
  run_until([&] { return clock_.now() >= end; });
}

void Observer::collect() {
  const auto changes = tree_->changes();
  REQUIRE(changes);
  const MonoTime now = clock_.now();
  if (rooms_ != nullptr) rooms_->changed(*tree_, *changes, now);
  const auto batches = source_->collect(now, *changes);
  INFO((batches ? "" : batches.error().message()));
  REQUIRE(batches);
  for (const WindowBatch& batch : *batches) take(batch);
  if (rooms_ != nullptr) rooms_->collected(*batches, now);
}

void Observer::take(const WindowBatch& batch) {
  if (first_window_ == 0) first_window_ = batch.first;
  for (const CgroupAppeared& cgroup : batch.appeared) {
    paths_[cgroup.key] = cgroup.path;
    by_path_[cgroup.path] = Observed{};
    by_path_[cgroup.path].usage_before = cgroup.usage_before;
  }
  for (const CgroupUse& use : batch.use) {
    REQUIRE(use.used.count() >= 0);
    Observed& observed = by_path_[paths_.at(use.key)];
    if (batch.missed) {
      observed.in_gaps += use.used;
    } else {
      observed.windows[batch.first] += use.used;
      observed.in_windows += use.used;
    }
  }
  for (const UsageCorrection& correction : batch.corrections) {
    by_path_[paths_.at(correction.key)].corrected += correction.missed;
  }
  for (const CgroupKey key : batch.unknown) by_path_[paths_.at(key)].unknown.insert(batch.first);
  for (const BandwidthSample& sample : batch.bandwidth) {
    by_path_[paths_.at(sample.key)].bandwidth = sample.value;
  }
  for (const CgroupKey key : batch.gone) by_path_[paths_.at(key)].gone = true;
  if (batch.missed) {
    for (WindowIndex i = 0; i < batch.count; ++i) missed_.insert(batch.first + i);
  } else {
    node_.push_back(batch.node);
  }
  take_waits(batch);
  // In a gap nobody knows how much was idle.
  const Nanoseconds idle = batch.missed ? Nanoseconds(0) : batch.node.idle.value_or(Nanoseconds(0));
  const std::uint32_t cpus = node_.empty() ? batch.node.cpus_online : node_.back().cpus_online;
  node_not_idle_ += options_.base * batch.count * cpus - idle;
  next_window_ = batch.first + batch.count;
  losses_ = batch.losses;
}

void Observer::take_waits(const WindowBatch& batch) {
  if (!batch.waits) {
    waits_known_ = false;
    return;
  }
  lost_known_ = batch.waits->lost_known;
  const auto promised = [&](bool kept, const char* what, const CgroupWaits& waits) {
    if (!kept) {
      broken_promises_.insert(std::string(what) + ": " + paths_.at(waits.key) + " in window " +
                              std::to_string(batch.first) + ", throttle " +
                              std::to_string(waits.waits.throttle.count()) + " throttled " +
                              std::to_string(waits.waits.throttled.count()) + " idle " +
                              std::to_string(waits.throttled_while_idle.count()) + " contention " +
                              std::to_string(waits.waits.contention.count()));
    }
  };
  std::set<CgroupKey> named;
  for (const CgroupWaits& told : batch.waits->cgroups) {
    const WaitAmounts& waits = told.waits;
    promised(named.insert(told.key).second, "a cgroup is named once", told);
    promised(waits.throttle.count() >= 0 && waits.contention.count() >= 0 &&
                 waits.throttled.count() >= 0 && told.throttled_while_idle.count() >= 0 &&
                 told.lost.count() >= 0,
             "nothing is negative", told);
    promised(waits.throttled <= options_.base * batch.count, "wall clock fits into its windows",
             told);
    // The two are not taken from the same clock, and see wait_scene.h for shared quotas.
    promised(waits.throttled <=
                 waits.throttle + options_.base / (kernel_stops_threads() ? 20 : 1) * batch.count,
             "a throttled cgroup has a thread that waits", told);
    promised(told.throttled_while_idle <= waits.throttled, "idle is a part of throttled", told);
    promised(waits.level.has_value() == (waits.throttled.count() > 0),
             "a level whenever throttled, and only then", told);
    Observed& observed = by_path_[paths_.at(told.key)];
    observed.waits_sum.add(told);
    if (!batch.missed) observed.waits[batch.first] = told;
  }
}

void WaitSums::add(const CgroupWaits& told) {
  throttle += told.waits.throttle;
  contention += told.waits.contention;
  throttled += told.waits.throttled;
  throttled_while_idle += told.throttled_while_idle;
  lost += told.lost;
  throttle_waits.add(told.throttle_waits);
  contention_waits.add(told.contention_waits);
  episodes.insert(episodes.end(), told.episodes.begin(), told.episodes.end());
}

namespace {

DurationHistogram difference(DurationHistogram now, const DurationHistogram& earlier) {
  for (std::size_t i = 0; i < now.buckets.size(); ++i) now.buckets[i] -= earlier.buckets[i];
  now.sum -= earlier.sum;
  return now;
}

}  // namespace

WaitSums WaitSums::since(const WaitSums& earlier) const {
  WaitSums after;
  after.throttle = throttle - earlier.throttle;
  after.contention = contention - earlier.contention;
  after.throttled = throttled - earlier.throttled;
  after.throttled_while_idle = throttled_while_idle - earlier.throttled_while_idle;
  after.lost = lost - earlier.lost;
  after.throttle_waits = difference(throttle_waits, earlier.throttle_waits);
  after.contention_waits = difference(contention_waits, earlier.contention_waits);
  after.episodes.assign(episodes.begin() + static_cast<std::ptrdiff_t>(earlier.episodes.size()),
                        episodes.end());
  return after;
}

const Observed& Observer::of(const std::string& path) const {
  static const Observed nothing;
  const auto it = by_path_.find(path);
  return it == by_path_.end() ? nothing : it->second;
}

}  // namespace throttlelens::test
