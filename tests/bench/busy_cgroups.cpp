// SPDX-License-Identifier: Apache-2.0
#include "busy_cgroups.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <exception>
#include <system_error>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace throttlelens::bench {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kRun = 100'000;
constexpr std::int64_t kShortestPeriod = 50'000'000;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::int64_t read_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * kSecond + time.tv_nsec;
}

[[noreturn]] void wake_and_run(std::size_t index) {
  // Periods and phases differ, so that they do not wake together.
  const auto spread = static_cast<std::int64_t>(index * 7919 % 1000);
  const std::int64_t period = kShortestPeriod + kShortestPeriod * spread / 1000;
  std::int64_t next = read_clock(CLOCK_MONOTONIC) + period * spread / 1000;
  while (true) {
    const timespec until{.tv_sec = next / kSecond, .tv_nsec = next % kSecond};
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    const std::int64_t end = read_clock(CLOCK_THREAD_CPUTIME_ID) + kRun;
    while (read_clock(CLOCK_THREAD_CPUTIME_ID) < end) {
    }
    // What a busy machine made late is not made up for: that would starve it for good.
    next = std::max(next + period, read_clock(CLOCK_MONOTONIC));
  }
}

}  // namespace

BusyCgroups::BusyCgroups(std::size_t count, std::size_t active) {
  guard();
  for (std::size_t i = 0; i < count; ++i) cgroups_.push_back(top_.child("c" + std::to_string(i)));
  try {
    for (std::size_t i = 0; i < active; ++i) start_load(cgroups_[i * count / active], i);
  } catch (...) {
    for (const pid_t pid : loads_) ::kill(pid, SIGKILL);
    throw;
  }
}

BusyCgroups::~BusyCgroups() {
  for (const pid_t pid : loads_) ::kill(pid, SIGKILL);
  for (const pid_t pid : loads_) ::waitpid(pid, nullptr, 0);
  cgroups_.clear();
  try {
    top_.remove();
  } catch (const std::exception&) {  // the guardian tries again
  }
  ::close(guard_);
  ::waitpid(guardian_, nullptr, 0);
}

// A process that outlives us, however we end, and removes what is left then.
void BusyCgroups::guard() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("make a pipe");
  guardian_ = ::fork();
  if (guardian_ < 0) fail("fork");
  if (guardian_ == 0) {
    ::setsid();
    ::close(ends[1]);
    char byte = 0;
    while (::read(ends[0], &byte, 1) < 0 && errno == EINTR) {
    }
    try {
      top_.remove();
    } catch (const std::exception&) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  ::close(ends[0]);
  guard_ = ends[1];
}

void BusyCgroups::start_load(test::ScopedCgroup& cgroup, std::size_t index) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(guard_);
    if (::getppid() != parent) ::_exit(1);
    wake_and_run(index);
  }
  loads_.push_back(pid);
  cgroup.add_process(pid);
}

std::vector<std::string> BusyCgroups::stat_files() const {
  std::vector<std::string> files;
  for (const auto& cgroup : cgroups_) files.push_back(cgroup.cpu_dir() + "/cpu.stat");
  return files;
}

std::vector<std::string> BusyCgroups::all_files() const {
  std::vector<std::string> files = stat_files();
  if (test::ScopedCgroup::mode() == CgroupMode::v2) return files;
  for (const auto& cgroup : cgroups_) files.push_back(cgroup.usage_dir() + "/cpuacct.usage");
  return files;
}

}  // namespace throttlelens::bench
