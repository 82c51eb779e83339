// SPDX-License-Identifier: Apache-2.0
// Waits that begin or end in unusual ways: on a throttled queue, by a new quota, by a kill, by a
// CPU that goes; waits that are longer than any window; a quota with a burst.
#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

#include <catch2/catch.hpp>
#include <signal.h>

#include "wait_scene.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

TEST_CASE("waits that begin by waking up onto a throttled queue, and end by a new quota") {
  ScopedCgroup pod;
  ScopedCgroup hog = pod.child("hog");
  ScopedCgroup sleeper = pod.child("sleeper");
  ScopedCgroup changing;
  Observer observer;
  WaitScene scene(observer);
  scene.load(hog, 1, {"--pin", "1", "--duration", "3s"});
  scene.load(sleeper, 1, {"--pin", "1", "--busy", "1ms", "--idle", "9ms", "--duration", "3s"});
  scene.load(changing, 1, {"--pin", "0", "--duration", "3s"});
  scene.also(pod);
  scene.start([&] {
    pod.set_limit({.quota = 10ms, .period = 100ms});
    changing.set_limit({.quota = 10ms, .period = 1s});
  });
  // Raised and lowered while throttled, then removed: in between nothing is waited for.
  struct Step {
    Nanoseconds at;
    std::optional<CpuLimit> limit;
  };
  const std::array<Step, 4> steps{
      Step{350ms, CpuLimit{.quota = 30ms, .period = 100ms}},
      Step{750ms, CpuLimit{.quota = 5ms, .period = 500ms}},
      Step{1450ms, std::nullopt},
      Step{2100ms, CpuLimit{.quota = 20ms, .period = 100ms}},
  };
  std::size_t next = 0;
  std::array<WindowIndex, steps.size()> changed{};
  scene.run([&] {
    if (next == steps.size() || observer.clock().now() < scene.started() + steps[next].at) return;
    if (steps[next].limit) {
      changing.set_limit(*steps[next].limit);
    } else {
      changing.clear_limit();
    }
    changed[next] = static_cast<WindowIndex>(observer.clock().now().since_boot / observer.base());
    ++next;
  });
  CHECK(next == steps.size());

  const WaitResult result = scene.of(changing);
  check_run_delay(result);
  check_throttle(result, result.throttled);
  check_level(result, ThrottleLevel::own);
  check_waits("wall clock - thread time", result, result.ours.throttled, result.ours.throttle);
  std::size_t without_quota = 0;
  for (const auto& [index, told] : result.windows) {
    if (index > changed[2] && index < changed[3] && told.waits.throttle > 0ns) ++without_quota;
  }
  CHECK(without_quota == 0);
  check_always_runnable(observer, result, scene.finish(changing));

  const WaitResult whole = scene.of(pod);
  const WaitResult busy = scene.of(hog);
  check_run_delay(busy);
  check_throttle(busy, whole.throttled, 1, QuotaUse::shared);
  check_level(busy, ThrottleLevel::parent);
  check_one_thread_episodes(busy, whole.nr_throttled, 100ms, QuotaUse::shared);

  const WaitResult woken = scene.of(sleeper);
  check_run_delay(woken);
  check_level(woken, ThrottleLevel::parent);
  if (woken.throttled_local) {
    check_waits("throttle - cpu.stat.local", woken, woken.ours.throttle, *woken.throttled_local);
  }
  // It wakes up 9 ms after the beginning at the latest, half as much again for a timer that is
  // late, and waits to the end.
  const Nanoseconds asleep = 13500us * whole.nr_throttled;
  const double bound = wait_bound(whole.throttled, woken.workers);
  report("throttle of the sleeper", woken.path,
         static_cast<double>((woken.ours.throttle - whole.throttled).count()),
         bound + static_cast<double>(asleep.count()));
  CHECK(static_cast<double>((woken.ours.throttle - whole.throttled).count()) <= bound);
  CHECK(static_cast<double>((whole.throttled - asleep - woken.ours.throttle).count()) <= bound);

  check_run_delay(whole);
  check_waits("throttle - those below", whole, whole.ours.throttle,
              busy.ours.throttle + woken.ours.throttle);
  check_level(whole, ThrottleLevel::own);
  check_wall_clock("wall clock - the hog's", whole, busy.ours.throttled, QuotaUse::shared);
  scene.check_promises();
}

TEST_CASE("waits in progress are in every window of a long stall, and end with a kill") {
  constexpr CpuLimit kLong{.quota = 10ms, .period = 1s};
  ScopedCgroup stalled;
  ScopedCgroup killed;
  Observer observer;
  WaitScene scene(observer);
  scene.load(stalled, 2, {"--pin", "0,1", "--duration", "3300ms"});
  scene.load(killed, 2, {"--pin", "0,1", "--duration", "3300ms"});
  scene.start([&] {
    stalled.set_limit(kLong);
    killed.set_limit(kLong);
  });
  bool sent = false;
  std::optional<WindowIndex> gone;
  Nanoseconds killed_throttled{0};
  Nanoseconds dying{0};
  MonoTime sent_at;
  scene.run([&] {
    const MonoTime now = observer.clock().now();
    if (!sent && now >= scene.started() + 350ms) {
      CHECK(killed.processes().size() == 1);
      for (const pid_t pid : killed.processes()) CHECK(::kill(pid, SIGKILL) == 0);
      sent = true;
      sent_at = now;
    }
    // A process leaves its cgroup's list while threads of it are still ending; the kernel adds what
    // they were throttled when it is over.
    const Nanoseconds throttled = kernel_throttled(killed);
    if (sent && killed.processes().empty() && (!gone || throttled != killed_throttled)) {
      gone = static_cast<WindowIndex>(now.since_boot / observer.base());
      killed_throttled = throttled;
      dying = now - sent_at;
    }
  });

  const WaitResult result = scene.of(stalled);
  const LoadRecord record = scene.finish(stalled);
  check_run_delay(result);
  check_throttle(result, result.throttled);
  check_level(result, ThrottleLevel::own);
  check_always_runnable(observer, result, record);
  std::vector<double> errors;
  for (const auto& [index, truth] : record.full) {
    if (index < result.first_full || truth.cpu > 100us || observer.missed().contains(index)) {
      continue;
    }
    const auto it = result.windows.find(index);
    const Nanoseconds told = it == result.windows.end() ? 0ns : it->second.waits.throttle;
    errors.push_back(std::abs(static_cast<double>((told - 2 * observer.base()).count())));
  }
  std::ranges::sort(errors);
  REQUIRE(errors.size() >= 15);
  // A stall may end in a window in which its threads do not run yet: there are three stalls.
  const double most = errors[errors.size() - 4];
  const double bound = 2 * (emulated() ? 5e6 : 1e6);
  report("windows of a stall", result.path, most, bound);
  CHECK(most <= bound);

  // A killed thread waits until it may run, and no longer. The first thread of the process slept;
  // the kill wakes it up, and it waits with the others from then on.
  const WaitResult dead = scene.of(killed);
  REQUIRE(gone);
  CHECK(killed_throttled > 500ms);
  const Nanoseconds beyond = dead.ours.throttle - killed_throttled;
  const double slack = wait_bound(killed_throttled, dead.workers);
  report("throttle of the killed", dead.path, static_cast<double>(beyond.count()),
         static_cast<double>(dying.count()) + slack);
  CHECK(static_cast<double>(beyond.count()) >= -slack);
  CHECK(static_cast<double>((beyond - dying).count()) <= slack);
  check_waits("throttle waits that ended", dead, dead.ours.throttle_waits.sum, dead.ours.throttle);
  CHECK(dead.throttled == killed_throttled);
  CHECK(dead.windows.size() >= 3);
  std::size_t after_death = 0;
  for (const auto& [index, told] : dead.windows) {
    if (index > *gone && told.waits != WaitAmounts{}) ++after_death;
  }
  CHECK(after_death == 0);
  scene.check_promises();
}

TEST_CASE("waits through a CPU that goes and comes back") {
  if (const std::string why = cannot_unplug_cpu(); !why.empty()) {
    std::printf("  skipped: no CPU can be taken offline: %s\n", why.c_str());
    return;
  }
  ScopedCgroup limited;
  ScopedCgroup free;
  Observer observer;
  WaitScene scene(observer);
  scene.load(limited, 1, {"--duration", "3s"});
  scene.load(free, 2, {"--duration", "3s"});
  scene.start([&] { limited.set_limit({.quota = 30ms, .period = 100ms}); });
  std::optional<UnpluggedCpu> unplugged;
  bool was = false;
  scene.run([&] {
    const MonoTime now = observer.clock().now();
    if (!was && now >= scene.started() + 700ms) {
      unplugged.emplace();
      was = true;
    }
    if (unplugged && now >= scene.started() + 1700ms) unplugged.reset();
  });
  unplugged.reset();
  CHECK(was);
  const WaitResult result = scene.of(limited);
  check_run_delay(result);
  check_throttle(result, result.throttled);
  check_level(result, ThrottleLevel::own);
  const WaitResult other = scene.of(free);
  check_run_delay(other);
  check_no_throttle(other);
  scene.check_promises();
}

TEST_CASE("waits of a quota with a burst, and the bursts themselves") {
  ScopedCgroup group;
  if (!group.has_burst()) {
    std::printf("  skipped: this kernel has no bursts\n");
    return;
  }
  Observer observer;
  WaitScene scene(observer);
  scene.load(group, 1, {"--pin", "0", "--busy", "60ms", "--idle", "290ms", "--duration", "2500ms"});
  scene.start([&] { group.set_limit({.quota = 20ms, .period = 100ms, .burst = 20ms}); });
  scene.run();
  const WaitResult result = scene.of(group);
  check_run_delay(result);
  check_waits("throttle - kernel", result, result.ours.throttle, result.throttled);
  Nanoseconds most{0};
  for (const auto& [index, used] : observer.of(group.path()).windows) most = std::max(most, used);
  std::printf("  the busiest window %55.3f ms\n", to_seconds(most) * 1e3);
  CHECK(most >= 22ms);  // more than a quota
  observer.run_for(300ms);
  CHECK(group.stat_field("nr_bursts").value_or(0) > 0);
  check_bandwidth(observer, group);
  scene.check_promises();
}
