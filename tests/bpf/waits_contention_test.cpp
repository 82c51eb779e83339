// SPDX-License-Identifier: Apache-2.0
// Waits for a CPU that others have, with and without a quota beside it, and the time a slice loses.
#include <algorithm>
#include <cstdio>

#include <catch2/catch.hpp>

#include "wait_scene.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

TEST_CASE("waits of hogs with weights 2 to 1, and of a container that is crowded out") {
  ScopedCgroup heavy;
  set_weight(heavy, 200);
  ScopedCgroup light;
  set_weight(light, 100);
  ScopedCgroup victim;
  ScopedCgroup crowd;
  Observer observer;
  WaitScene scene(observer);
  scene.load(heavy, 1, {"--pin", "0", "--duration", "3s"});
  scene.load(light, 1, {"--pin", "0", "--duration", "3s"});
  scene.load(victim, 1, {"--pin", "1", "--duration", "3s"});
  scene.load(crowd, 3, {"--pin", "1", "--duration", "3s"});
  scene.start();
  scene.run();
  for (const ScopedCgroup* group : {&heavy, &light, &victim, &crowd}) {
    const WaitResult result = scene.of(*group);
    CHECK(result.ours.contention > 500ms);
    check_run_delay(result);
    check_no_throttle(result);
    check_contention_possible(result, result.workers);
    check_always_runnable(observer, result, scene.finish(*group));
  }
  // One has two thirds of the CPU and waits for a third of the time, the other the reverse. What
  // a neighbour takes both wait for; then only the CPU time is as the weights are.
  const double ratio = to_seconds(scene.of(light).ours.contention) /
                       std::max(1e-9, to_seconds(scene.of(heavy).ours.contention));
  const double kernel =
      to_seconds(scene.of(light).kernel.run_delay) / to_seconds(scene.of(heavy).kernel.run_delay);
  std::printf("  waits of weight 1 to those of weight 2 %33.3f, by the kernel %.3f\n", ratio,
              kernel);
  CHECK(std::abs(ratio - kernel) <= kernel * 0.02);
  const double used =
      to_seconds(scene.of(heavy).kernel.cpu) / to_seconds(scene.of(light).kernel.cpu);
  CHECK(std::abs(used - 2) <= 0.2);
  scene.check_promises();
}

TEST_CASE("waits for quota and for a CPU at once, while no CPU is idle, and lost time") {
  ScopedCgroup limited;
  ScopedCgroup beside;
  ScopedCgroup apart;
  Observer observer;
  WaitScene scene(observer);
  scene.load(limited, 1, {"--pin", "0", "--duration", "3s"});
  // Longer than the limited one is at work: no CPU has a moment of rest while it waits.
  scene.load(beside, 1, {"--pin", "0", "--duration", "3300ms"});
  scene.load(apart, 1, {"--pin", "1", "--duration", "3300ms"});
  scene.start([&] { limited.set_limit({.quota = 20ms, .period = 100ms}); });
  scene.run();
  const WaitResult result = scene.of(limited);
  check_run_delay(result);
  check_throttle(result, result.throttled);
  check_level(result, ThrottleLevel::own);
  check_one_thread_episodes(result, result.nr_throttled, 100ms);
  CHECK(result.ours.contention > 100ms);
  report("throttled while idle", result.path,
         static_cast<double>(result.ours.throttled_while_idle.count()),
         static_cast<double>(result.ours.throttled.count()) / 20);
  CHECK(result.ours.throttled_while_idle * 20 < result.ours.throttled);
  check_always_runnable(observer, result, scene.finish(limited));

  for (const ScopedCgroup* group : {&beside, &apart}) {
    const WaitResult hog = scene.of(*group);
    check_run_delay(hog);
    check_no_throttle(hog);
    check_contention_possible(hog, 1);
    const LoadRecord record = scene.finish(*group);
    check_always_runnable(observer, hog, record);
    // What is neither CPU time nor a wait: the slices were longer than what was charged for them.
    const Nanoseconds lost = record.wall - hog.kernel.cpu - hog.kernel.run_delay;
    const double bound =
        std::abs(static_cast<double>(lost.count())) / 20 + (emulated() ? 1e7 : 2e6);
    report("lost by the load's own clocks", hog.path, static_cast<double>(lost.count()), bound);
    if (observer.lost_known()) {
      report("lost - that", hog.path, static_cast<double>((hog.ours.lost - lost).count()), bound);
      CHECK(std::abs(static_cast<double>((hog.ours.lost - lost).count())) <= bound);
    } else {
      CHECK(std::abs(static_cast<double>(lost.count())) <=
            bound);  // where nothing is told, nothing is lost
    }
  }
  CHECK(observer.lost_known() == kernel_has_lost_time());
  scene.check_promises();
}
