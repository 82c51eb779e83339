// SPDX-License-Identifier: Apache-2.0
#include "process_files.h"

#include <cerrno>
#include <charconv>
#include <limits>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace throttlelens {

namespace {

// pid, name in 64 bytes (of a kernel worker), 50 numbers.
constexpr std::size_t kMostStat = 2048;
constexpr std::size_t kMostCgroups = 64UL * 1024;
// Fields as proc(5) counts them; the first after the name is 3.
constexpr int kFirstAfterName = 3;
constexpr int kUtime = 14;
constexpr int kStime = 15;
constexpr int kStarted = 22;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc() || end != text.end()) return std::nullopt;
  return value;
}

std::string_view next_word(std::string_view& text) {
  const std::size_t space = text.find(' ');
  const std::string_view word = text.substr(0, space);
  text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  return word;
}

std::string slurp(const std::string& path, std::size_t most) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!file) return text;
  text.resize(most);
  std::size_t length = 0;
  while (length < most) {
    const ssize_t got = ::read(file.get(), text.data() + length, most - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    length += static_cast<std::size_t>(got);
  }
  text.resize(length);
  return text;
}

std::string file_of(const std::string& proc, std::uint32_t pid, const char* name) {
  return proc + "/" + std::to_string(pid) + "/" + name;
}

std::uint64_t ticks_per_second() {
  static const auto hz = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return hz;
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  // What follows the last parenthesis is the kernel's own.
  const std::size_t open = text.find(" (");
  const std::size_t close = text.rfind(") ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2) {
    return std::nullopt;
  }
  const auto pid = number(text.substr(0, open));
  if (!pid || *pid == 0 || *pid > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  ProcessStat stat;
  stat.pid = static_cast<std::uint32_t>(*pid);
  stat.comm = text.substr(open + 2, close - open - 2);
  std::string_view rest = text.substr(close + 2);
  if (rest.ends_with('\n')) rest.remove_suffix(1);
  std::optional<std::uint64_t> utime;
  std::optional<std::uint64_t> stime;
  std::optional<std::uint64_t> started;
  for (int field = kFirstAfterName; field <= kStarted; ++field) {
    const auto value = number(next_word(rest));
    if (field == kUtime) utime = value;
    if (field == kStime) stime = value;
    if (field == kStarted) started = value;
  }
  if (!utime || !stime || !started) return std::nullopt;
  stat.cpu = *utime + *stime;
  stat.started = *started;
  return stat;
}

std::optional<ProcessStat> read_process_stat(const std::string& proc, std::uint32_t pid) {
  auto stat = parse_process_stat(slurp(file_of(proc, pid, "stat"), kMostStat));
  if (stat && stat->pid != pid) return std::nullopt;
  return stat;
}

std::string read_arguments(const std::string& proc, std::uint32_t pid, std::size_t most) {
  return slurp(file_of(proc, pid, "cmdline"), most);
}

std::string read_cgroup_file(const std::string& proc, std::uint32_t pid) {
  return slurp(file_of(proc, pid, "cgroup"), kMostCgroups);
}

Nanoseconds ticks(std::uint64_t count) {
  const std::uint64_t hz = ticks_per_second();
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return Nanoseconds(static_cast<std::int64_t>(count / hz * kSecond + count % hz * kSecond / hz));
}

bool is_same_process(const ProcessStat& stat, const ProcessKey& key) {
  return stat.pid == key.pid && ticks(stat.started) <= key.started &&
         key.started < ticks(stat.started + 1);
}

}  // namespace throttlelens
