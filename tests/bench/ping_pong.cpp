// SPDX-License-Identifier: Apache-2.0
#include "ping_pong.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <system_error>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child_program.h"

namespace throttlelens::bench {
namespace {

// A run with more than this share of its wall time not charged to the two was disturbed. The clock
// of the run queue and ours differ by some hundred nanoseconds at both ends.
constexpr double kForeign = 0.01;
constexpr double kForeignNs = 2000;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("make a pipe");
    out = ends[0];
    in = ends[1];
  }
  int out = -1;
  int in = -1;
};

std::int64_t now_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

bool get(int fd, void* data, std::size_t size) {
  return ::read(fd, data, size) == static_cast<ssize_t>(size);
}
bool put(int fd, const void* data, std::size_t size) {
  return ::write(fd, data, size) == static_cast<ssize_t>(size);
}

void settle(int cpu) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpriority(PRIO_PROCESS, 0,
                -20);  // fewer runs are disturbed; the path of a switch is the same
  pin(cpu);
}

[[noreturn]] void answer(int from, int to) {
  char byte = 0;
  while (get(from, &byte, 1) && put(to, &byte, 1)) {
  }
  ::_exit(0);
}

[[noreturn]] void ask(int commands, int answers, int to, int from) {
  std::uint32_t round_trips = 0;
  while (get(commands, &round_trips, sizeof round_trips)) {
    char byte = 0;
    const std::int64_t begin = now_ns();
    for (std::uint32_t i = 0; i < round_trips; ++i) {
      if (!put(to, &byte, 1) || !get(from, &byte, 1)) ::_exit(1);
    }
    const std::int64_t took = now_ns() - begin;
    if (!put(answers, &took, sizeof took)) break;
  }
  ::_exit(0);
}

}  // namespace

PingPong::PingPong(int cpu) {
  const Pipe ping;
  const Pipe pong;
  const Pipe commands;
  const Pipe answers;
  answerer_ = ::fork();
  if (answerer_ == 0) {
    settle(cpu);
    answer(ping.out, pong.in);
  }
  asker_ = ::fork();
  if (asker_ == 0) {
    settle(cpu);
    ask(commands.out, answers.in, ping.in, pong.out);
  }
  for (const int fd : {ping.out, ping.in, pong.out, pong.in, commands.out, answers.in}) ::close(fd);
  commands_ = commands.in;
  answers_ = answers.out;
  if (asker_ < 0 || answerer_ < 0) fail("fork");
}

PingPong::~PingPong() {
  for (const pid_t pid : processes()) {
    if (pid <= 0) continue;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  ::close(commands_);
  ::close(answers_);
}

std::optional<double> PingPong::run(std::uint32_t round_trips) {
  const auto charged = [this] { return (cpu_time_of(asker_) + cpu_time_of(answerer_)).count(); };
  const std::int64_t before = charged();
  std::int64_t took = 0;
  if (!put(commands_, &round_trips, sizeof round_trips) || !get(answers_, &took, sizeof took)) {
    fail("run the ping-pong");
  }
  const auto wall = static_cast<double>(took);
  const auto foreign = wall - static_cast<double>(charged() - before);
  if (foreign > wall * kForeign + kForeignNs) return std::nullopt;
  return wall / (2.0 * round_trips);
}

std::uint64_t PingPong::switches() const {
  std::uint64_t sum = 0;
  for (const pid_t pid : processes()) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
      const std::size_t field = line.find("ctxt_switches:");
      if (field != std::string::npos) {
        sum += std::strtoull(line.c_str() + field + 14, nullptr, 10);
      }
    }
  }
  return sum;
}

}  // namespace throttlelens::bench
