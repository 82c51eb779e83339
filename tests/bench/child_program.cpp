// SPDX-License-Identifier: Apache-2.0
#include "child_program.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace throttlelens::bench {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

[[noreturn]] void become(std::vector<char*>& argv, int input, const char* terminal, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::setsid();
  const int out = ::open(terminal, O_RDWR);
  ::dup2(input, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

cpu_set_t allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) fail("read the CPU affinity");
  return set;
}

}  // namespace

ChildProgram::ChildProgram(std::vector<std::string> arguments) : name_(arguments.front()) {
  terminal_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  std::array<char, 64> path{};
  if (terminal_ < 0 || ::grantpt(terminal_) != 0 || ::unlockpt(terminal_) != 0 ||
      ::ptsname_r(terminal_, path.data(), path.size()) != 0) {
    fail("open a terminal");
  }
  std::array<int, 2> input{};
  if (::pipe2(input.data(), O_CLOEXEC) != 0) fail("make a pipe");
  std::vector<char*> argv;
  for (std::string& word : arguments) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t self = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become(argv, input[0], path.data(), self);
  ::close(input[0]);
  input_ = input[1];
  if (pid_ < 0) fail("fork");
}

ChildProgram::~ChildProgram() {
  end();
  ::close(terminal_);
}

void ChildProgram::wait_for(const std::string& text, std::chrono::seconds at_most) {
  const auto until = Clock::now() + at_most;
  while (output_.find(text) == std::string::npos) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
    pollfd ready{.fd = terminal_, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) == 0) {
      throw std::runtime_error(name_ + " did not get ready: " + output_);
    }
    std::array<char, 4096> buffer{};
    const ssize_t size = ::read(terminal_, buffer.data(), buffer.size());
    if (size > 0) {
      output_.append(buffer.data(), static_cast<std::size_t>(size));
      continue;
    }
    // Before it has opened the terminal, and after it has closed it, reading fails alike.
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      pid_ = -1;
      throw std::runtime_error(name_ + " ended at once: " + output_);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void ChildProgram::end() {
  if (input_ >= 0) ::close(std::exchange(input_, -1));
  if (pid_ <= 0) return;
  ::kill(pid_, SIGINT);
  for (const auto until = Clock::now() + std::chrono::seconds(5);;) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break;
    if (Clock::now() > until) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      break;
    }
    std::array<char, 4096> unread{};  // a full terminal would stop it from ending
    pollfd ready{.fd = terminal_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 2) > 0 && ::read(terminal_, unread.data(), unread.size()) <= 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  pid_ = -1;
}

std::chrono::nanoseconds ChildProgram::cpu_time() const {
  return cpu_time_of(pid_);
}

long ChildProgram::status_kib(const std::string& field) const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::atol(line.c_str() + field.size() + 1);
  }
  return 0;
}

std::chrono::nanoseconds cpu_time_of(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (const int code = ::clock_getcpuclockid(pid, &clock); code != 0) {
    errno = code;
    fail("find the CPU clock of a process");
  }
  if (::clock_gettime(clock, &time) != 0) fail("read the CPU clock of a process");
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) fail("stay on one CPU");
}

void keep_off(int cpu) {
  cpu_set_t set = allowed();
  CPU_CLR(static_cast<unsigned>(cpu), &set);
  if (CPU_COUNT(&set) > 0 && ::sched_setaffinity(0, sizeof set, &set) != 0) fail("leave a CPU");
}

int last_cpu() {
  const cpu_set_t set = allowed();
  for (int cpu = CPU_SETSIZE - 1; cpu >= 0; --cpu) {
    if (CPU_ISSET(static_cast<unsigned>(cpu), &set)) return cpu;
  }
  return 0;
}

}  // namespace throttlelens::bench
