// SPDX-License-Identifier: Apache-2.0
#include "play.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <sstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace throttlelens::test {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int kPatience = 30'000;  // milliseconds; an emulated guest is slow

// Beside this program: in the build folder as in a guest's /bin.
fs::path actor_program() {
  return fs::read_symlink("/proc/self/exe").parent_path() / "tl_actor";
}

pid_t fork_as(pid_t pid) {
  if (pid == 0) return ::fork();
  clone_args args{};
  args.exit_signal = SIGCHLD;
  args.set_tid = reinterpret_cast<std::uintptr_t>(&pid);
  args.set_tid_size = 1;
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

template <typename Told>
std::optional<Told> newest(const std::vector<Told>& all, pid_t pid) {
  std::optional<Told> found;
  for (const Told& told : all) {
    if (told.key.pid != static_cast<std::uint32_t>(pid)) continue;
    if (!found || found->key.started <= told.key.started) found = told;
  }
  return found;
}

}  // namespace

Stage::Stage() {
  std::string pattern = (fs::temp_directory_path() / "throttlelens-stage-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  dir_ = pattern;
}

Stage::~Stage() {
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
}

std::string Stage::operator()(const std::string& name) {
  const fs::path path = fs::path(dir_) / name;
  if (!fs::exists(path)) fs::create_symlink(actor_program(), path);
  return path.string();
}

Play::Play(std::string program, std::vector<std::string> words, pid_t pid) {
  words.insert(words.begin(), std::move(program));
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
    arguments_ += word + '\0';
  }
  argv.push_back(nullptr);
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  REQUIRE(::pipe2(in.data(), O_CLOEXEC) == 0);
  REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
  pid_ = fork_as(pid);
  REQUIRE(pid_ >= 0);
  if (pid_ == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  input_ = in[1];
  output_ = out[0];
}

Play::~Play() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (input_ >= 0) ::close(input_);
  if (output_ >= 0) ::close(output_);
}

bool Play::read_line() {
  std::size_t end = 0;
  while ((end = unread_.find('\n')) == std::string::npos) {
    pollfd ready{.fd = output_, .events = POLLIN, .revents = 0};
    REQUIRE(::poll(&ready, 1, kPatience) == 1);
    std::array<char, 4096> some{};
    const ssize_t got = ::read(output_, some.data(), some.size());
    if (got <= 0) return false;
    unread_.append(some.data(), static_cast<std::size_t>(got));
  }
  std::istringstream line(unread_.substr(0, end));
  unread_.erase(0, end + 1);
  std::string what;
  std::string name;
  pid_t pid = 0;
  std::int64_t number = 0;
  line >> what;
  if (what == "mark" && line >> name >> pid >> number) {
    marks_[name] = {.pid = pid, .cpu = Nanoseconds(number)};
  } else if (what == "ran" && line >> pid >> number) {
    ran_.emplace_back(pid, Nanoseconds(number));
  } else if (what == "started" && line >> pid) {
    started_.push_back(pid);
  }
  return true;
}

Marked Play::wait_for(const std::string& mark) {
  while (!marks_.contains(mark) && read_line()) {
  }
  INFO("waiting for " << mark);
  REQUIRE(marks_.contains(mark));
  return marks_.at(mark);
}

void Play::cue() {
  REQUIRE(::write(input_, "\n", 1) == 1);
}

void Play::kill() {
  REQUIRE(::kill(pid_, SIGKILL) == 0);
}

Nanoseconds Play::finish() {
  ::close(std::exchange(input_, -1));
  while (read_line()) {
  }
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) == 0);
  const Nanoseconds used = cpu_clock(pid_);
  REQUIRE(::waitpid(std::exchange(pid_, -1), nullptr, 0) > 0);
  if (info.si_code == CLD_EXITED) CHECK(info.si_status == 0);
  return used;
}

Nanoseconds cpu_clock(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  REQUIRE(::clock_getcpuclockid(pid, &clock) == 0);
  REQUIRE(::clock_gettime(clock, &time) == 0);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

ProcessWatch::ProcessWatch() {
  auto source = make_bpf_process_source({});
  INFO((source ? "" : source.error().message()));
  REQUIRE(source);
  source_ = std::move(*source);
  collect();
}

void ProcessWatch::collect(bool read_alive) {
  auto batch = source_->collect(clock_.now(), read_alive);
  INFO((batch ? "" : batch.error().message()));
  REQUIRE(batch);
  REQUIRE(batch->alive.has_value() == read_alive);
  for (const ProcessSeen& seen : batch->seen) {
    seen_.push_back(seen);
    ever_.insert(seen.key.pid);
  }
  for (const ProcessUse& use : batch->ended) {
    // Each after its root was seen, and once.
    const auto is_root = [&](const ProcessSeen& seen) { return seen.key == use.root; };
    CHECK(std::ranges::any_of(seen_, is_root));
    CHECK(std::ranges::find(ended_, use.key, &ProcessUse::key) == ended_.end());
    ended_.push_back(use);
    ever_.insert(use.key.pid);
  }
  if (batch->alive) {
    alive_ = *batch->alive;
    for (const ProcessUse& use : alive_) ever_.insert(use.key.pid);
  }
  lost_ = batch->lost.value();
}

void ProcessWatch::wait(const std::function<bool()>& done) {
  for (int tries = 0; tries < 4500 && !done(); ++tries) {
    collect();
    const timespec pause{.tv_sec = 0, .tv_nsec = 10'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

void ProcessWatch::until(const std::function<bool()>& done) {
  wait(done);
  REQUIRE(done());
}

void ProcessWatch::until_ended(const std::vector<pid_t>& pids) {
  const auto is_missing = [&](pid_t pid) { return !ended(pid); };
  wait([&] { return std::ranges::none_of(pids, is_missing); });
  std::string missing;
  for (const pid_t pid : pids) {
    if (!is_missing(pid)) continue;
    missing += " " + std::to_string(pid) +
               (alive(pid)     ? " (alive)"
                : told_of(pid) ? " (told)"
                               : "");
  }
  INFO("lost " << lost_ << ", no end of" << missing);
  REQUIRE(missing.empty());
}

std::optional<ProcessSeen> ProcessWatch::seen(pid_t pid) const {
  return newest(seen_, pid);
}
std::optional<ProcessUse> ProcessWatch::ended(pid_t pid) const {
  return newest(ended_, pid);
}
std::optional<ProcessUse> ProcessWatch::alive(pid_t pid) const {
  return newest(alive_, pid);
}
bool ProcessWatch::told_of(pid_t pid) const {
  return ever_.contains(static_cast<std::uint32_t>(pid));
}

std::vector<ProcessUse> ProcessWatch::all_ended(pid_t pid) const {
  std::vector<ProcessUse> found;
  for (const ProcessUse& use : ended_) {
    if (use.key.pid == static_cast<std::uint32_t>(pid)) found.push_back(use);
  }
  return found;
}

Nanoseconds ProcessWatch::ended_sum(const std::vector<pid_t>& pids) const {
  Nanoseconds sum{0};
  for (const pid_t pid : pids) {
    for (const ProcessUse& use : all_ended(pid)) sum += use.cpu;
  }
  return sum;
}

}  // namespace throttlelens::test
