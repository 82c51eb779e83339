// SPDX-License-Identifier: Apache-2.0
// tl_metered_runtime: stands between a shim and runc, as wrappers of runtimes do, and records what
// each call took: a line "COMMAND ID US" in the file of its own name with ".log" after it, where US
// is its own CPU time, runc's and that of all children runc waited for.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <span>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "tl_metered_runtime: %s: %s\n", what, std::strerror(errno));
  std::_Exit(127);
}

std::int64_t microseconds(const timeval& time) {
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

std::int64_t own_microseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

bool is_id(std::string_view word) {
  return word.size() == 64 && word.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_command(std::string_view word) {
  for (const std::string_view command :
       {"create", "start", "exec", "kill", "delete", "state", "pause", "resume", "update", "ps"}) {
    if (word == command) return true;
  }
  return false;
}

std::string log_path() {
  char path[PATH_MAX] = {};
  if (::readlink("/proc/self/exe", path, sizeof path - 1) < 0) fail("/proc/self/exe");
  return std::string(path) + ".log";
}

void record(std::span<char* const> arguments, std::int64_t us) {
  std::string_view command = "-";
  std::string_view id = "-";
  for (const std::string_view word : arguments.subspan(1)) {
    if (command == "-" && is_command(word)) command = word;
    if (id == "-" && is_id(word)) id = word;
  }
  const std::string line =
      std::string(command) + ' ' + std::string(id) + ' ' + std::to_string(us) + '\n';
  const int file = ::open(log_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0 || ::write(file, line.data(), line.size()) < 0) fail("its record");
}

}  // namespace

int main(int argc, char** argv) {
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    // Who ends a runtime that hangs means runc.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execvp("runc", argv);
    fail("runc");
  }
  int status = 0;
  rusage used{};
  while (::wait4(child, &status, 0, &used) < 0) {
    if (errno != EINTR) fail("wait4");
  }
  const std::int64_t of_runc = microseconds(used.ru_utime) + microseconds(used.ru_stime);
  record({argv, static_cast<std::size_t>(argc)}, of_runc + own_microseconds());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
