// SPDX-License-Identifier: Apache-2.0
#include "load_process.h"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace throttlelens::test {

namespace {

// Beside this program: in the build folder as in a guest's /bin.
std::string load_program() {
  if (const char* named = std::getenv("TL_LOAD")) return named;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "tl_load";
}

}  // namespace

LoadProcess::LoadProcess(const std::vector<std::string>& arguments,
                         const std::vector<std::string>& procs, bool real_time) {
  std::vector<std::string> words{load_program()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (!procs.empty()) {
    std::string joined;
    for (const std::string& file : procs) joined += (joined.empty() ? "" : ",") + file;
    words.push_back("--cgroup-procs");
    words.push_back(joined);
  }
  words.push_back("--wait-stdin");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  output_ = ::memfd_create("load", MFD_CLOEXEC);
  REQUIRE(output_ >= 0);
  int input[2];
  int errors[2];
  REQUIRE(::pipe2(input, O_CLOEXEC) == 0);
  REQUIRE(::pipe2(errors, O_CLOEXEC) == 0);
  pid_ = ::fork();
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    const sched_param priority{.sched_priority = 10};
    if (real_time && ::sched_setscheduler(0, SCHED_FIFO, &priority) != 0) ::_exit(126);
    ::dup2(input[0], STDIN_FILENO);
    ::dup2(output_, STDOUT_FILENO);
    ::dup2(errors[1], STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(input[0]);
  ::close(errors[1]);
  input_ = input[1];
  errors_ = errors[0];
  char c = 0;
  while (said_.find("ready") == std::string::npos && ::read(errors_, &c, 1) == 1) said_ += c;
  INFO("the load said: " << said_);
  REQUIRE(said_.find("ready") != std::string::npos);
  REQUIRE(::fcntl(errors_, F_SETFL, O_NONBLOCK) == 0);
}

void LoadProcess::go() {
  REQUIRE(::write(input_, "\n", 1) == 1);
}

void LoadProcess::go_at(MonoTime time) {
  const std::string line = std::to_string(time.since_boot.count()) + "\n";
  REQUIRE(::write(input_, line.data(), line.size()) == static_cast<ssize_t>(line.size()));
}

LoadProcess::LoadProcess(LoadProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      input_(std::exchange(other.input_, -1)),
      errors_(std::exchange(other.errors_, -1)),
      said_(std::move(other.said_)) {}

LoadProcess::~LoadProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  for (const int fd : {output_, input_, errors_}) {
    if (fd >= 0) ::close(fd);
  }
}

bool LoadProcess::running() {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

bool LoadProcess::done() {
  for (char c = 0; ::read(errors_, &c, 1) == 1;) said_ += c;
  return said_.find("done\n") != std::string::npos;
}

void LoadProcess::stop() {
  ::kill(pid_, SIGTERM);
}

LoadRecord LoadProcess::finish() {
  int status = 0;
  REQUIRE(::waitpid(std::exchange(pid_, -1), &status, 0) > 0);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  std::string text(static_cast<std::size_t>(::lseek(output_, 0, SEEK_END)), '\0');
  REQUIRE(::pread(output_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  const auto document = nlohmann::json::parse(text);

  LoadRecord record;
  std::map<std::uint64_t, std::size_t> threads_in_window;
  const auto& threads = document.at("threads");
  for (const auto& thread : threads) {
    record.cpu += Nanoseconds(thread.at("cpu_ns").get<std::int64_t>());
    record.wall += Nanoseconds(thread.at("wall_ns").get<std::int64_t>());
    record.cpu += Nanoseconds(thread.at("children").at("rusage_cpu_ns").get<std::int64_t>());
    record.iterations += thread.at("iterations").get<std::uint64_t>();
    for (const auto& window : thread.at("windows")) {
      if (window.contains("partial")) continue;
      const auto index = window.at("index").get<std::uint64_t>();
      ++threads_in_window[index];
      const auto ns = [&](const char* field) {
        return Nanoseconds(window.value(field, std::int64_t{0}));
      };
      record.full[index].cpu += ns("cpu_ns") + ns("children_cpu_ns");
      record.full[index].doubt += ns("error_ns") + ns("children_error_ns");
    }
  }
  std::erase_if(record.full, [&](const auto& entry) {
    return threads_in_window[entry.first] != threads.size();
  });
  return record;
}

}  // namespace throttlelens::test
