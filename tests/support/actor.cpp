// SPDX-License-Identifier: Apache-2.0
// tl_actor: processes that fork, execute, move and end as they are told, and say what they used.
// Called by other names (symbolic links), it plays shims and runtimes.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr const char* kHelp =
    R"(tl_actor: does one thing after the other.

  spin US                use so many microseconds of CPU time
  threads N US           N threads that each do so, one after the other; each ends
  stay N US              N threads that each do so at once, and then sleep until the process ends
  run PROGRAM [ ... ]    fork, execute PROGRAM as another actor, wait for its end
  fork [ ... ]           fork, do that, wait for its end
  part [ ... ]           fork, do that, do not wait
  exec PROGRAM [ ... ]   become PROGRAM
  join FILE              write the own pid there (a cgroup.procs)
  repeat N [ ... ]       do that N times
  mark WORD              say WORD
  await                  wait for a byte on stdin, or its end

Says on stdout, a line each: "ran PID NS" of a child that ended, "started PID",
"mark WORD PID NS" (the process's own CPU clock).
)";

using Words = std::span<char* const>;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "tl_actor: %s: %s\n", what, std::strerror(errno));
  std::_Exit(1);
}

std::int64_t cpu_now(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void spin(std::int64_t us) {
  const std::int64_t end = cpu_now(CLOCK_THREAD_CPUTIME_ID) + us * 1000;
  while (cpu_now(CLOCK_THREAD_CPUTIME_ID) < end) {
  }
}

/// One write each: lines of several processes do not mix.
void say(const std::string& line) {
  if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    fail("say something");
  }
}

char* take(Words& words) {
  if (words.empty()) {
    std::fputs(kHelp, stderr);
    std::_Exit(2);
  }
  char* const word = words.front();
  words = words.subspan(1);
  return word;
}

std::int64_t take_number(Words& words) {
  return std::strtoll(take(words), nullptr, 10);
}

/// What is between the brackets that come next.
Words take_block(Words& words) {
  if (words.empty() || std::string_view(words.front()) != "[") return {};
  take(words);
  int depth = 1;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word(words[i]);
    if (word == "[") ++depth;
    if (word == "]" && --depth == 0) {
      const Words block = words.first(i);
      words = words.subspan(i + 1);
      return block;
    }
  }
  errno = EINVAL;
  fail("find the ]");
}

[[noreturn]] void become(char* program, Words words) {
  std::vector<char*> argv{program};
  argv.insert(argv.end(), words.begin(), words.end());
  argv.push_back(nullptr);
  ::execv(program, argv.data());
  fail(program);
}

/// Its own clock, when it has done all but to be reaped: its children are not in it, as they would
/// be in its rusage.
void reap(pid_t child) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) != 0) {
    if (errno != EINTR) fail("wait for a child");
  }
  clockid_t clock{};
  if (::clock_getcpuclockid(child, &clock) != 0) fail("find the clock of a child");
  const std::int64_t used = cpu_now(clock);
  if (::waitpid(child, nullptr, 0) != child) fail("reap a child");
  say("ran " + std::to_string(child) + " " + std::to_string(used) + "\n");
}

void act(Words words);

void start(std::string_view how, Words& words) {
  char* const program = how == "run" ? take(words) : nullptr;
  const Words block = take_block(words);
  const pid_t child = ::fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    if (program != nullptr) become(program, block);
    act(block);
    std::_Exit(0);
  }
  say("started " + std::to_string(child) + "\n");
  if (how != "part") reap(child);
}

void run_threads(Words& words, bool stay) {
  const std::int64_t count = take_number(words);
  const std::int64_t us = take_number(words);
  for (std::int64_t i = 0; i < count; ++i) {
    std::thread thread([us, stay] {
      spin(us);
      while (stay) ::pause();
    });
    if (stay) {
      thread.detach();
    } else {
      thread.join();
    }
  }
}

void join(const char* file) {
  const int fd = ::open(file, O_WRONLY | O_CLOEXEC);
  const std::string pid = std::to_string(::getpid());
  if (fd < 0 || ::write(fd, pid.data(), pid.size()) != static_cast<ssize_t>(pid.size())) fail(file);
  ::close(fd);
}

void await() {
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) < 0) {
    if (errno != EINTR) fail("wait for a byte");
  }
}

void act(Words words) {
  while (!words.empty()) {
    const std::string_view word(take(words));
    if (word == "spin") {
      spin(take_number(words));
    } else if (word == "threads" || word == "stay") {
      run_threads(words, word == "stay");
    } else if (word == "run" || word == "fork" || word == "part") {
      start(word, words);
    } else if (word == "exec") {
      char* const program = take(words);
      become(program, take_block(words));
    } else if (word == "join") {
      join(take(words));
    } else if (word == "repeat") {
      const std::int64_t times = take_number(words);
      const Words block = take_block(words);
      for (std::int64_t i = 0; i < times; ++i) act(block);
    } else if (word == "mark") {
      const std::string said(take(words));
      say("mark " + said + " " + std::to_string(::getpid()) + " " +
          std::to_string(cpu_now(CLOCK_PROCESS_CPUTIME_ID)) + "\n");
    } else if (word == "await") {
      await();
    } else {
      std::fprintf(stderr, "tl_actor: unknown '%s'\n%s", word.data(), kHelp);
      std::_Exit(2);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  act(Words(argv + 1, static_cast<std::size_t>(argc - 1)));
  std::_Exit(0);
}
