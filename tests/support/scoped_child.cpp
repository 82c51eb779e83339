// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <stdexcept>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "scoped_cgroup.h"

namespace throttlelens::test {
namespace {

std::int64_t cpu_now() {
  timespec ts{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
  return std::int64_t{ts.tv_sec} * 1'000'000'000 + ts.tv_nsec;
}

// Only async-signal-safe calls: the parent may have threads.
[[noreturn]] void serve(int commands, int answers) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::int64_t work = 0;
  while (::read(commands, &work, sizeof work) == static_cast<ssize_t>(sizeof work)) {
    for (const std::int64_t end = cpu_now() + work; cpu_now() < end;) {
    }
    if (::write(answers, "x", 1) != 1) break;
  }
  ::_exit(0);
}

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(os_error(what, "the load of a test", errno).message());
}

}  // namespace

ScopedChild::ScopedChild() {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (::pipe(in.data()) != 0) fail("make a pipe for");
  if (::pipe(out.data()) != 0) {
    ::close(in[0]);
    ::close(in[1]);
    fail("make a pipe for");
  }
  pid_ = ::fork();
  if (pid_ == 0) {
    ::close(in[1]);
    ::close(out[0]);
    serve(in[0], out[1]);
  }
  ::close(in[0]);
  ::close(out[1]);
  commands_ = in[1];
  answers_ = out[0];
  if (pid_ < 0) {
    const int code = errno;
    ::close(commands_);
    ::close(answers_);
    errno = code;
    fail("fork");
  }
}

ScopedChild::~ScopedChild() {
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  ::close(commands_);
  ::close(answers_);
}

void ScopedChild::burn(Nanoseconds cpu_time) {
  start_burning(cpu_time);
  wait_burnt();
}

void ScopedChild::start_burning(Nanoseconds cpu_time) {
  const std::int64_t work = cpu_time.count();
  if (::write(commands_, &work, sizeof work) != static_cast<ssize_t>(sizeof work)) fail("start");
}

void ScopedChild::wait_burnt() {
  char answer = 0;
  if (::read(answers_, &answer, 1) != 1) fail("wait for");
}

void ScopedChild::stop() {
  int status = 0;
  if (::kill(pid_, SIGSTOP) != 0) fail("stop");
  if (::waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status)) fail("wait for");
}

}  // namespace throttlelens::test
