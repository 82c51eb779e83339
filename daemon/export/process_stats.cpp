// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "export/metrics.h"

namespace throttlelens {

namespace {

std::string read_whole(const char* path) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!fd) return text;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = ::read(fd.get(), buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return text;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

/// Fields of /proc/self/stat from the third on: the second is a name that may hold anything, so
/// they are counted from its closing parenthesis.
std::vector<std::string_view> stat_fields(std::string_view text) {
  std::vector<std::string_view> fields;
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return fields;
  text.remove_prefix(name_end + 1);
  while (true) {
    const std::size_t start = text.find_first_not_of(" \n");
    if (start == std::string_view::npos) return fields;
    text.remove_prefix(start);
    const std::size_t length = std::min(text.find_first_of(" \n"), text.size());
    fields.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
}

std::optional<std::uint64_t> boot_time() {
  constexpr std::string_view key = "\nbtime ";
  const std::string text = read_whole("/proc/stat");
  const std::size_t at = text.find(key);
  if (at == std::string::npos) return std::nullopt;
  return number(std::string_view(text).substr(at + key.size()));
}

std::optional<std::uint64_t> count_open_fds() {
  DIR* const dir = ::opendir("/proc/self/fd");
  if (dir == nullptr) return std::nullopt;
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(dir)) {
    if (entry->d_name[0] != '.') ++count;
  }
  ::closedir(dir);
  return count - 1;  // without the one that lists them
}

}  // namespace

ProcessStats read_process_stats() {
  ProcessStats stats;
  timespec cpu{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
    stats.cpu_seconds = static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) * 1e-9;
  }
  // proc(5) counts from 1; the first field here is its third.
  constexpr std::size_t start_time = 22 - 3;
  constexpr std::size_t vsize = 23 - 3;
  constexpr std::size_t rss = 24 - 3;
  const std::string text = read_whole("/proc/self/stat");
  const std::vector<std::string_view> fields = stat_fields(text);
  if (fields.size() > rss) {
    stats.virtual_bytes = number(fields[vsize]);
    if (const auto pages = number(fields[rss])) {
      stats.resident_bytes = *pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    }
    const auto ticks = number(fields[start_time]);
    const auto boot = boot_time();
    const long tick_rate = ::sysconf(_SC_CLK_TCK);
    if (ticks && boot && tick_rate > 0) {
      stats.start_time_seconds =
          static_cast<double>(*boot) + static_cast<double>(*ticks) / static_cast<double>(tick_rate);
    }
  }
  stats.open_fds = count_open_fds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    stats.max_fds = limit.rlim_cur;
  }
  return stats;
}

}  // namespace throttlelens
