// SPDX-License-Identifier: Apache-2.0
// Loads that wait, from rest to rest, and the comparisons of their waits: with the run delay the
// kernel keeps of every thread, and with its throttled time of every quota.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kernel_waits.h"
#include "load_process.h"
#include "observer.h"
#include "scoped_cgroup.h"
#include "truth.h"

namespace throttlelens::test {

/// What happened to one cgroup, and all below it, between the two moments of rest.
/// Who uses up the quota that throttles a cgroup. Up to 6.17 a cgroup that is throttled on
/// another's account is switched by nobody: how long is exact, but its stretches are placed just
/// before its threads run again, and two with only others' turns between them are one. Where
/// siblings on one CPU share a quota, wall-clock times come out up to a fifth too long.
enum class QuotaUse { alone, shared };

struct WaitResult {
  std::string path;
  WaitSums ours;
  std::map<WindowIndex, CgroupWaits> windows;  ///< of ours, those since the loads were let go
  ThreadTimes kernel;
  Nanoseconds throttled{0};  ///< the kernel's, of this level's quota
  std::optional<Nanoseconds> throttled_local;
  std::uint64_t nr_throttled = 0;
  Nanoseconds usage{0};
  unsigned workers = 0;        ///< threads of the loads
  WindowIndex first_full = 0;  ///< the first window that is all work
  Nanoseconds not_idle{0};     ///< of all CPUs, by whomever, in the same windows
  std::uint64_t windows_seen = 0;
  /// What a switch that was lost may have been told too much: a wait whose end was not seen
  /// goes on until its thread leaves the CPU, and what was told is not taken back.
  Nanoseconds doubt{0};
};

class WaitScene {
 public:
  explicit WaitScene(Observer& observer) : observer_(observer) {}

  /// A load of `threads` threads that will run in this cgroup and stay there, asleep, when its work
  /// is done. A cgroup may have several.
  void load(const ScopedCgroup& group, unsigned threads, std::vector<std::string> arguments);
  /// A cgroup without a load of its own, to be compared.
  void also(const ScopedCgroup& group);

  /// Makes all threads, and has them sleep until they start together. In this moment of rest,
  /// `set_quotas` is called: making the threads costs more than a small quota. What is there then
  /// is not part of the comparison.
  void start(const std::function<void()>& set_quotas = {});
  /// Until every load is done and at rest again. `each` is called once a window.
  void run(const std::function<void()>& each = {});
  MonoTime started() const { return started_; }  ///< the first moment of work

  WaitResult of(const ScopedCgroup& group) const;
  /// Ends the loads of this cgroup; of one load, returns what it recorded.
  LoadRecord finish(const ScopedCgroup& group);
  /// Of the whole run: nothing was lost, and the model's promises were kept.
  void check_promises() const;

 private:
  struct Side {
    WaitSums ours;
    ThreadTimes kernel;
    Nanoseconds throttled{0};
    std::optional<Nanoseconds> throttled_local;
    std::uint64_t nr_throttled = 0;
    Nanoseconds usage{0};
  };
  struct Watched {
    const ScopedCgroup* group = nullptr;
    std::vector<LoadProcess> loads;
    unsigned workers = 0;
    Side before;
    Side after;
  };
  Watched& watched(const ScopedCgroup& group);
  Side look(const ScopedCgroup& group) const;

  Observer& observer_;
  std::map<std::string, Watched> watched_;
  SourceLosses losses_before_;
  MonoTime started_{};
  WindowIndex first_ = 0;
  WindowIndex end_ = 0;
  Nanoseconds not_idle_before_{0};
  Nanoseconds not_idle_{0};
};

/// 1 % and, for every worker, 1 ms (4 ms where the CPU is emulated): a wait begins and ends on
/// clocks that are read a little apart, and a thread comes to rest through a few short waits.
double wait_bound(Nanoseconds kernel, unsigned workers);

/// Any two numbers of waits within wait_bound.
void check_waits(const char* what, const WaitResult& result, Nanoseconds ours, Nanoseconds kernel);

/// Throttle and contention together against the run delay of all its threads; what ended adds up to
/// what there was, as all are at rest.
void check_run_delay(const WaitResult& result);

/// Throttle wait against the kernel's throttled time, each CPU's counted for as many threads as it
/// has in a load whose threads never sleep.
void check_throttle(const WaitResult& result, Nanoseconds throttled, unsigned threads_per_cpu = 1,
                    QuotaUse use = QuotaUse::alone);

/// Contention is time in which a CPU was somebody's: of the threads a CPU has, all but one wait at
/// most while the cgroup runs one, and all while somebody else does. A wait for quota that is
/// called contention breaks this, as nobody runs then. After a stall an idle CPU takes a while to
/// wake up: 0.5 ms; 8 ms where it is emulated, and up to 6.1 the kernel's throttled time ends
/// before.
void check_contention_possible(const WaitResult& result, unsigned threads_per_cpu);

/// No quota was near.
void check_no_throttle(const WaitResult& result);

/// Every throttled window and every episode has this level.
void check_level(const WaitResult& result, ThrottleLevel level);

/// One thread, one CPU: an episode a throttled period, no longer than it, and its wall clock is its
/// thread time.
void check_one_thread_episodes(const WaitResult& result, std::uint64_t nr_throttled,
                               Nanoseconds period, QuotaUse use = QuotaUse::alone);
/// The wall-clock throttled time, all CPUs together.
void check_wall_clock(const char* what, const WaitResult& result, Nanoseconds expected,
                      QuotaUse use);

/// Windows of threads that were always runnable: their waits, use and lost time are the window.
void check_always_runnable(const Observer& observer, const WaitResult& result,
                           const LoadRecord& load);

}  // namespace throttlelens::test
