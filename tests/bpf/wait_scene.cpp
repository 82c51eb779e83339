// SPDX-License-Identifier: Apache-2.0
#include "wait_scene.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <catch2/catch.hpp>

namespace throttlelens::test {

using namespace std::chrono_literals;

namespace {

double ns(Nanoseconds time) {
  return static_cast<double>(time.count());
}

Nanoseconds episodes_length(const WaitSums& sums) {
  Nanoseconds length{0};
  for (const ThrottleEpisode& episode : sums.episodes) length += episode.length;
  return length;
}

bool is_below(const std::string& path, const std::string& parent) {
  return path == parent || path.starts_with(parent + "/");
}

}  // namespace

WaitScene::Watched& WaitScene::watched(const ScopedCgroup& group) {
  Watched& one = watched_[group.path()];
  one.group = &group;
  return one;
}

void WaitScene::load(const ScopedCgroup& group, unsigned threads,
                     std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--threads", std::to_string(threads), "--linger"});
  Watched& one = watched(group);
  one.loads.emplace_back(arguments, procs_of(group));
  one.workers += threads;
}

void WaitScene::also(const ScopedCgroup& group) {
  (void)watched(group);
}

WaitScene::Side WaitScene::look(const ScopedCgroup& group) const {
  return {.ours = observer_.of(group.path()).waits_sum,
          .kernel = thread_times(group),
          .throttled = kernel_throttled(group),
          .throttled_local = kernel_throttled_local(group),
          .nr_throttled = group.stat_field("nr_throttled").value(),
          .usage = group.usage()};
}

void WaitScene::start(const std::function<void()>& set_quotas) {
  // Time to make the threads, to see the windows they were made in, and to set quotas.
  const Nanoseconds rest = emulated() ? 500ms : 300ms;
  started_ = observer_.clock().now() + rest + (emulated() ? 600ms : 200ms);
  for (auto& [path, one] : watched_) {
    for (LoadProcess& load : one.loads) load.go_at(started_);
  }
  observer_.run_for(started_ - observer_.clock().now() - rest);
  if (set_quotas) set_quotas();
  for (auto& [path, one] : watched_) {
    one.before = look(*one.group);
    INFO(path << ": all threads are there");
    CHECK(one.before.kernel.threads == one.workers + one.loads.size());
  }
  CHECK(observer_.clock().now() < started_);  // or the comparison begins too late
  losses_before_ = observer_.losses();
  first_ = observer_.next_window();
  not_idle_before_ = observer_.node_not_idle();
}

void WaitScene::run(const std::function<void()>& each) {
  observer_.run_until([&] {
    if (each) each();
    return std::ranges::all_of(watched_, [](auto& entry) {
      return std::ranges::all_of(entry.second.loads,
                                 [](LoadProcess& load) { return load.done() || !load.running(); });
    });
  });
  for (auto& [path, one] : watched_) one.after = look(*one.group);
  end_ = observer_.next_window();
  not_idle_ = observer_.node_not_idle() - not_idle_before_;
}

WaitResult WaitScene::of(const ScopedCgroup& group) const {
  const Watched& one = watched_.at(group.path());
  WaitResult result;
  result.path = group.path();
  result.ours = one.after.ours.since(one.before.ours);
  for (const auto& entry : observer_.of(group.path()).waits) {
    if (entry.first >= first_ && entry.first < end_) result.windows.insert(entry);
  }
  for (const auto& [path, below] : watched_) {
    if (!is_below(path, group.path())) continue;
    result.kernel.run_delay += below.after.kernel.run_delay - below.before.kernel.run_delay;
    result.kernel.cpu += below.after.kernel.cpu - below.before.kernel.cpu;
    result.kernel.threads += below.after.kernel.threads;
    result.workers += below.workers;
  }
  result.throttled = one.after.throttled - one.before.throttled;
  if (one.after.throttled_local) {
    result.throttled_local = *one.after.throttled_local - one.before.throttled_local.value();
  }
  const std::uint64_t lost = observer_.losses().lost_switches.value_or(0);
  if (lost > losses_before_.lost_switches.value_or(0)) result.doubt = 10ms;
  result.nr_throttled = one.after.nr_throttled - one.before.nr_throttled;
  result.usage = one.after.usage - one.before.usage;
  result.not_idle = not_idle_;
  result.windows_seen = end_ - first_;
  result.first_full = static_cast<WindowIndex>((started_.since_boot - 1ns) / observer_.base() + 1);
  return result;
}

LoadRecord WaitScene::finish(const ScopedCgroup& group) {
  LoadRecord record;
  for (LoadProcess& load : watched(group).loads) {
    load.stop();
    record = load.finish();
  }
  return record;
}

void WaitScene::check_promises() const {
  CHECK(observer_.waits_known());
  const auto& broken = observer_.broken_promises();
  CHECK(broken == std::set<std::string>{});
  const SourceLosses& now = observer_.losses();
  if (!observer_.waits_known()) return;
  std::printf("  lost switches %llu, partial waits %llu, lost episodes %llu, missed windows %llu\n",
              static_cast<unsigned long long>(now.lost_switches.value_or(0) -
                                              losses_before_.lost_switches.value_or(0)),
              static_cast<unsigned long long>(now.partial_waits.value_or(0) -
                                              losses_before_.partial_waits.value_or(0)),
              static_cast<unsigned long long>(now.lost_episodes.value_or(0) -
                                              losses_before_.lost_episodes.value_or(0)),
              static_cast<unsigned long long>(now.missed_windows - losses_before_.missed_windows));
  std::fflush(stdout);
  CHECK(now.partial_waits.has_value());
  CHECK(now.lost_episodes == losses_before_.lost_episodes.value_or(0));
}

double wait_bound(Nanoseconds kernel, unsigned workers) {
  return ns(kernel) / 100 + workers * (emulated() ? 4e6 : 1e6);
}

void check_waits(const char* what, const WaitResult& result, Nanoseconds ours, Nanoseconds kernel) {
  const double difference = ns(ours - kernel);
  const double bound = wait_bound(kernel, result.workers) + ns(result.doubt);
  report(what, result.path, difference, bound);
  INFO(what << ", " << result.path << ": ours " << ours.count() << " kernel " << kernel.count()
            << "; throttle " << result.ours.throttle.count() << " contention "
            << result.ours.contention.count());
  CHECK(std::abs(difference) <= bound);
}

void check_run_delay(const WaitResult& result) {
  std::printf(
      "  the kernel: run delay %.3f ms, throttled %.3f ms %llu times, local %.3f ms, used %.3f "
      "ms\n",
      ns(result.kernel.run_delay) / 1e6, ns(result.throttled) / 1e6,
      static_cast<unsigned long long>(result.nr_throttled),
      ns(result.throttled_local.value_or(0ns)) / 1e6, ns(result.usage) / 1e6);
  CHECK(result.kernel.run_delay > 0ns);
  check_waits("waits - run delay", result, result.ours.all(), result.kernel.run_delay);
  // Nothing waits before and after: every wait and every episode ended, and was counted whole.
  check_waits("throttle waits that ended", result, result.ours.throttle_waits.sum,
              result.ours.throttle);
  check_waits("contention waits that ended", result, result.ours.contention_waits.sum,
              result.ours.contention);
  check_waits("episodes that ended", result, episodes_length(result.ours), result.ours.throttled);
}

void check_throttle(const WaitResult& result, Nanoseconds throttled, unsigned threads_per_cpu,
                    QuotaUse use) {
  CHECK(throttled > 100ms);  // or there is nothing to see
  const Nanoseconds all = throttled * threads_per_cpu;
  if (use == QuotaUse::alone) {
    check_waits("throttle - kernel", result, result.ours.throttle, all);
  } else {
    // Where threads are stopped, the neighbour is when its next turn comes.
    const double bound = wait_bound(all, result.workers) + ns(all) / 25;
    report("throttle - kernel", result.path, ns(result.ours.throttle - all), bound);
    CHECK(std::abs(ns(result.ours.throttle - all)) <= bound);
  }
  const double slack = wait_bound(throttled, result.workers) +
                       (kernel_stops_threads() ? 0 : ns(throttled) / 5);  // see QuotaUse
  INFO(result.path << ": throttled " << result.ours.throttled.count() << " kernel "
                   << throttled.count() << ", all CPUs together");
  CHECK(ns(result.ours.throttled) <= ns(throttled) + slack);
  CHECK(ns(result.ours.throttled) >= ns(throttled) / 2 - slack);  // these tests use two CPUs
}

void check_contention_possible(const WaitResult& result, unsigned threads_per_cpu) {
  const Nanoseconds others = std::max(0ns, result.not_idle - result.usage);
  const Nanoseconds wakeups =
      (emulated() ? Nanoseconds(8ms) : 500us) * result.nr_throttled * result.workers;
  const Nanoseconds possible =
      result.usage * (threads_per_cpu - 1) + others * threads_per_cpu + wakeups;
  const double bound = ns(possible) + wait_bound(possible, result.workers);
  report("contention, and the most", result.path, ns(result.ours.contention), bound);
  INFO(result.path << ": usage " << result.usage.count() << " others " << others.count());
  CHECK(ns(result.ours.contention) <= bound);
}

void check_no_throttle(const WaitResult& result) {
  INFO(result.path);
  CHECK(result.ours.throttle == 0ns);
  CHECK(result.ours.throttled == 0ns);
  CHECK(result.ours.throttled_while_idle == 0ns);
  CHECK(result.ours.throttle_waits.count() == 0);
  CHECK(result.ours.episodes.empty());
}

void check_level(const WaitResult& result, ThrottleLevel level) {
  INFO(result.path << ": level " << static_cast<int>(level));
  std::size_t other_windows = 0;
  for (const auto& [index, told] : result.windows) {
    if (told.waits.throttled > 0ns && told.waits.level != level) ++other_windows;
  }
  CHECK(other_windows == 0);
  CHECK_FALSE(result.ours.episodes.empty());
  CHECK(std::ranges::all_of(result.ours.episodes, [&](const ThrottleEpisode& episode) {
    return episode.level == level;
  }));
}

void check_wall_clock(const char* what, const WaitResult& result, Nanoseconds expected,
                      QuotaUse use) {
  if (use == QuotaUse::alone || kernel_stops_threads()) {
    check_waits(what, result, result.ours.throttled, expected);
    return;
  }
  const double bound = wait_bound(expected, result.workers) + ns(expected) / 5;
  report(what, result.path, ns(result.ours.throttled - expected), bound);
  INFO(what << ", " << result.path << ": ours " << result.ours.throttled.count() << " expected "
            << expected.count());
  CHECK(std::abs(ns(result.ours.throttled - expected)) <= bound);
}

void check_one_thread_episodes(const WaitResult& result, std::uint64_t nr_throttled,
                               Nanoseconds period, QuotaUse use) {
  check_wall_clock("wall clock - thread time", result, result.ours.throttle, use);
  const auto count = static_cast<double>(result.ours.episodes.size());
  // A timer that is late by a period (an emulated CPU is) counts two periods for one episode.
  const auto periods = static_cast<double>(nr_throttled);
  const double bound = 1 + (emulated() ? periods / 8 : 0);
  std::printf("  %-28s %-44s %12.0f of %.0f periods, bound %.1f\n", "episodes", result.path.c_str(),
              count, periods, bound);
  INFO(result.path << ": episodes " << count << " nr_throttled " << periods);
  if (use == QuotaUse::shared && !kernel_stops_threads()) {
    // What came between two stalls may have been another cgroup's turn: then they are one.
    CHECK(count <= periods + bound);
    CHECK(count >= periods / 2);
    return;
  }
  CHECK(std::abs(count - periods) <= bound);
  CHECK(std::abs(static_cast<double>(result.ours.throttle_waits.count()) - periods) <= bound);
  std::size_t too_long = 0;
  for (const ThrottleEpisode& episode : result.ours.episodes) {
    if (episode.length > period * 3 / 2) ++too_long;
  }
  CHECK(static_cast<double>(too_long) <= (emulated() ? count / 5 : 0));
}

void check_always_runnable(const Observer& observer, const WaitResult& result,
                           const LoadRecord& load) {
  const Nanoseconds whole = observer.base() * result.workers;
  const auto& used = observer.of(result.path).windows;
  std::vector<double> errors;
  for (const auto& [index, truth] : load.full) {
    if (index < result.first_full || observer.missed().contains(index)) continue;
    Nanoseconds sum{0};
    if (const auto it = used.find(index); it != used.end()) sum += it->second;
    if (const auto it = result.windows.find(index); it != result.windows.end()) {
      sum += it->second.waits.throttle + it->second.waits.contention;
      if (observer.lost_known()) sum += it->second.lost;
    }
    errors.push_back(std::abs(ns(sum - whole)));
  }
  REQUIRE(errors.size() >= 8);
  std::ranges::sort(errors);
  // 1 % of the window, and what a few switches take.
  const double bound =
      ns(whole) / 100 + result.workers * (emulated() ? 5e6 : 1e6) + ns(result.doubt) / 2;
  // A switch that was lost, or a clock that was late, moves a wait to the window next to its own.
  const double p90 = errors[(errors.size() * 9 + 9) / 10 - 1];
  report("use + waits - window, median", result.path, errors[errors.size() / 2], bound);
  report("use + waits - window, 90 %", result.path, p90, bound);
  CHECK(p90 <= bound);
}

}  // namespace throttlelens::test
