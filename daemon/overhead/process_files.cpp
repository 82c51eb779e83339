// SPDX-License-Identifier: Apache-2.0
#include "process_files.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "proc_text.h"

namespace throttlelens::overhead {
namespace {

using Buffer = std::array<char, 4096>;  // stat and smaps_rollup have a quarter of that

// Empty: it could not be read, or not as a whole.
std::string_view read_file(int directory, const char* name, Buffer& buffer) {
  const UniqueFd fd(::openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  std::size_t size = 0;
  while (fd && size < buffer.size()) {
    const ssize_t got = ::read(fd.get(), buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {};
    if (got == 0) return {buffer.data(), size};
    size += static_cast<std::size_t>(got);
  }
  return {};
}

}  // namespace

ProcessFiles::ProcessFiles(const std::string& proc, const std::string& name)
    : directory_(::open((proc + "/" + name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

bool ProcessFiles::started_at(Nanoseconds started) const {
  const auto ticks_per_second = ::sysconf(_SC_CLK_TCK);
  if (!directory_ || ticks_per_second <= 0 || started.count() < 0) return false;
  const Nanoseconds tick = Nanoseconds(std::chrono::seconds(1)) / ticks_per_second;
  Buffer buffer;
  const auto ticks = parse_start_ticks(read_file(directory_.get(), "stat", buffer));
  return ticks && *ticks == static_cast<std::uint64_t>(started / tick);
}

std::optional<std::uint64_t> ProcessFiles::private_memory() const {
  if (!directory_) return std::nullopt;
  Buffer buffer;
  return parse_private_memory(read_file(directory_.get(), "smaps_rollup", buffer));
}

}  // namespace throttlelens::overhead
