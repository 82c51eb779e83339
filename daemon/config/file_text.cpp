// SPDX-License-Identifier: Apache-2.0
#include "file_text.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace throttlelens {
namespace {

std::int64_t nanoseconds(const timespec& time) {
  constexpr std::int64_t kPerSecond = 1'000'000'000;
  return time.tv_sec * kPerSecond + time.tv_nsec;
}

FileIdentity identity_from(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified = nanoseconds(status.st_mtim),
          .status_changed = nanoseconds(status.st_ctim)};
}

}  // namespace

std::optional<FileIdentity> identity_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return identity_from(status);
}

}  // namespace throttlelens

namespace throttlelens::config {
namespace {

constexpr std::size_t kLargestFile = 1024UL * 1024;

std::unexpected<std::string> os_fault(const std::string& what, int code) {
  return std::unexpected(what + ": " + std::generic_category().message(code));
}

}  // namespace

std::expected<FileText, std::string> read_file(const std::string& path, const std::string& called) {
  if (path.find('\0') != std::string::npos) {
    return std::unexpected("the path contains a NUL character; remove it");
  }
  // O_NONBLOCK: opening a named pipe must not wait for its writer.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return os_fault("cannot open the " + called, errno);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return os_fault("cannot inspect it", errno);
  if (!S_ISREG(status.st_mode)) {
    return std::unexpected("not a regular file, so no " + called + "; check the path");
  }

  // The size is not to be trusted: the file may grow, and those of procfs are 0 long.
  std::string text(kLargestFile + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_fault("cannot read the " + called, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kLargestFile) {
    return std::unexpected("larger than 1 MiB, so hardly a " + called + "; check the path");
  }
  text.resize(size);
  text.shrink_to_fit();
  return FileText{.text = std::move(text), .identity = identity_from(status)};
}

}  // namespace throttlelens::config
