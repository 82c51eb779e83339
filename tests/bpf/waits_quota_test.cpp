// SPDX-License-Identifier: Apache-2.0
// Waits for quota: how long, at which level, in which episodes, and what of it is contention.
#include <algorithm>

#include <catch2/catch.hpp>

#include "wait_scene.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

TEST_CASE("waits of one thread under quota are the kernel's throttled time") {
  ScopedCgroup group;
  Observer observer;
  WaitScene scene(observer);
  scene.load(group, 1, {"--pin", "0", "--duration", "3s"});
  scene.start([&] { group.set_limit({.quota = 20ms, .period = 100ms}); });
  scene.run();
  const WaitResult result = scene.of(group);
  check_run_delay(result);
  check_throttle(result, result.throttled);
  if (result.throttled_local) {
    check_waits("throttle - cpu.stat.local", result, result.ours.throttle, *result.throttled_local);
  }
  check_contention_possible(result, 1);
  check_level(result, ThrottleLevel::own);
  check_one_thread_episodes(result, result.nr_throttled, 100ms);
  // 80 ms each, but for the first and the last.
  const auto& waits = result.ours.throttle_waits;
  CHECK(waits.buckets[DurationHistogram::bucket_of(80ms)] >= waits.count() * 3 / 4);
  CHECK(waits.count() >= 20);

  // The other CPU has nothing to do, unless others use this machine: both CPUs must be theirs for
  // the node not to have an idle one while this thread waits. Where they are, this shows nothing.
  const Nanoseconds others = std::max(0ns, result.not_idle - result.usage);
  const Nanoseconds busy = result.ours.throttled - result.ours.throttled_while_idle;
  const Nanoseconds bound = result.ours.throttled / 20 + others / 2;
  report("throttled, no CPU idle", result.path, static_cast<double>(busy.count()),
         static_cast<double>(bound.count()));
  CHECK(busy <= bound);

  check_always_runnable(observer, result, scene.finish(group));
  scene.check_promises();
}

TEST_CASE("waits of two threads on each of two CPUs under one quota") {
  ScopedCgroup group;
  Observer observer;
  WaitScene scene(observer);
  scene.load(group, 4, {"--pin", "0,1", "--duration", "3s"});
  scene.start([&] { group.set_limit({.quota = 20ms, .period = 100ms}); });
  scene.run();
  const WaitResult result = scene.of(group);
  check_run_delay(result);
  // Threads that never sleep: while a CPU's queue is throttled, both of its threads wait for quota.
  // Only one of them ran when that began.
  check_throttle(result, result.throttled, 2);
  // While one runs, the other waits, and so do both while a neighbour runs.
  check_contention_possible(result, 2);
  CHECK(result.ours.contention >= result.usage * 95 / 100 - 4ms);
  check_level(result, ThrottleLevel::own);
  CHECK(result.ours.throttled <= observer.base() * result.windows_seen);
  const auto too_long = std::ranges::count_if(
      result.ours.episodes, [](const ThrottleEpisode& episode) { return episode.length > 150ms; });
  // Where the CPU is emulated, a timer may miss a period.
  CHECK(too_long <= (emulated() ? std::ssize(result.ours.episodes) / 5 : 0));
  check_always_runnable(observer, result, scene.finish(group));
  scene.check_promises();
}

TEST_CASE("waits of threads that move between CPUs, and of sleepers beside hogs, under quota") {
  ScopedCgroup moving;
  ScopedCgroup mixed;
  Observer observer;
  WaitScene scene(observer);
  scene.load(moving, 4, {"--duration", "3s"});
  scene.load(mixed, 2, {"--pin", "0,1", "--duration", "3s"});
  scene.load(mixed, 2, {"--pin", "0,1", "--busy", "5ms", "--idle", "5ms", "--duration", "3s"});
  scene.start([&] {
    moving.set_limit({.quota = 20ms, .period = 100ms});
    mixed.set_limit({.quota = 20ms, .period = 100ms});
  });
  scene.run();

  const WaitResult free = scene.of(moving);
  check_run_delay(free);
  check_contention_possible(free, 4);
  check_level(free, ThrottleLevel::own);
  // A throttled queue has at least one of the four threads, and all of them at most.
  const double slack = wait_bound(free.throttled, free.workers);
  report("throttle beyond the kernel's", free.path,
         static_cast<double>((free.ours.throttle - free.throttled).count()), slack);
  CHECK(static_cast<double>((free.throttled - free.ours.throttle).count()) <= slack);
  CHECK(static_cast<double>((free.ours.throttle - 4 * free.throttled).count()) <= slack);

  const WaitResult beside = scene.of(mixed);
  check_run_delay(beside);
  check_contention_possible(beside, 2);
  check_level(beside, ThrottleLevel::own);
  // On each CPU the hog waits through all of the throttled time, and the sleeper from the moment it
  // wakes up: 5 ms after the beginning at most, half as much again for a timer that is late.
  const Nanoseconds asleep = 2 * 7500us * beside.nr_throttled;
  const Nanoseconds most = 2 * beside.throttled;
  const double bound = wait_bound(most, beside.workers);
  report("throttle of hogs and sleepers", beside.path,
         static_cast<double>((beside.ours.throttle - most).count()),
         bound + static_cast<double>(asleep.count()));
  CHECK(static_cast<double>((beside.ours.throttle - most).count()) <= bound);
  CHECK(static_cast<double>((most - asleep - beside.ours.throttle).count()) <= bound);
  scene.check_promises();
}

TEST_CASE("waits know the level that ran dry: own, parent, above") {
  // A quota on the pod alone; on both, with a neighbour in the pod that uses its quota up; on both,
  // with the inner one the tighter; and two levels up.
  ScopedCgroup pod;
  ScopedCgroup in_pod = pod.child("app");
  ScopedCgroup tight;
  ScopedCgroup in_tight = tight.child("app");
  ScopedCgroup neighbour = tight.child("neighbour");
  ScopedCgroup wide;
  ScopedCgroup in_wide = wide.child("app");
  ScopedCgroup top;
  ScopedCgroup middle = top.child("pod");
  ScopedCgroup bottom = middle.child("app");

  Observer observer;
  WaitScene scene(observer);
  scene.load(in_pod, 1, {"--pin", "0", "--duration", "3s"});
  scene.load(in_tight, 1, {"--pin", "1", "--duration", "3s"});
  scene.load(in_wide, 1, {"--pin", "0", "--duration", "3s"});
  scene.load(bottom, 1, {"--pin", "1", "--duration", "3s"});
  scene.load(neighbour, 1, {"--pin", "1", "--duration", "3s"});
  for (const ScopedCgroup* group : {&pod, &tight, &wide, &top, &middle}) scene.also(*group);
  scene.start([&] {
    pod.set_limit({.quota = 20ms, .period = 100ms});
    tight.set_limit({.quota = 20ms, .period = 100ms});
    in_tight.set_limit({.quota = 200ms, .period = 1s});  // v1 allows no larger share inside
    wide.set_limit({.quota = 80ms, .period = 100ms});
    in_wide.set_limit({.quota = 20ms, .period = 100ms});
    top.set_limit({.quota = 15ms, .period = 100ms});
  });
  scene.run();

  struct Expected {
    const ScopedCgroup* group;
    const ScopedCgroup* quota;  ///< whose quota bites
    ThrottleLevel level;
  };
  for (const Expected& expected : {Expected{&in_pod, &pod, ThrottleLevel::parent},
                                   {&pod, &pod, ThrottleLevel::own},
                                   {&in_tight, &tight, ThrottleLevel::parent},
                                   {&neighbour, &tight, ThrottleLevel::parent},
                                   {&in_wide, &in_wide, ThrottleLevel::own},
                                   {&bottom, &top, ThrottleLevel::above},
                                   {&middle, &top, ThrottleLevel::parent},
                                   {&top, &top, ThrottleLevel::own}}) {
    const WaitResult result = scene.of(*expected.group);
    const WaitResult quota = scene.of(*expected.quota);
    check_run_delay(result);
    const bool shared = expected.group == &in_tight || expected.group == &neighbour;
    const QuotaUse use = shared ? QuotaUse::shared : QuotaUse::alone;
    check_throttle(result, quota.throttled, 1, use);
    if (result.throttled_local) {
      check_waits("throttle - cpu.stat.local", result, result.ours.throttle,
                  *result.throttled_local);
    }
    check_level(result, expected.level);
    check_one_thread_episodes(result, quota.nr_throttled, 100ms, use);
  }
  CHECK(scene.of(in_tight).nr_throttled == 0);
  const WaitResult both = scene.of(tight);
  check_run_delay(both);
  check_throttle(both, both.throttled, 2, QuotaUse::shared);
  check_level(both, ThrottleLevel::own);
  check_wall_clock("wall clock - one CPU's", both, both.throttled, QuotaUse::shared);
  // The threads of the wide pod wait for quota, but not for the pod's.
  const WaitResult inside = scene.of(in_wide);
  const WaitResult outside = scene.of(wide);
  check_run_delay(outside);
  check_waits("throttle - that of the cgroup below", outside, outside.ours.throttle,
              inside.ours.throttle);
  CHECK(outside.nr_throttled == 0);
  CHECK(outside.ours.throttled == 0ns);
  CHECK(outside.ours.episodes.empty());
  scene.check_promises();
}
