// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "config/config.h"

namespace throttlelens {
namespace {

constexpr std::size_t kLargestFile = 1024UL * 1024;

/// Why the file cannot be read, as the end of a sentence.
using Text = std::expected<std::string, std::string>;

std::unexpected<std::string> os_fault(const char* what, int code) {
  return std::unexpected(std::string(what) + ": " + std::generic_category().message(code));
}

Text read_file(const std::string& path) {
  if (path.find('\0') != std::string::npos) {
    return std::unexpected("the path contains a NUL character; remove it");
  }
  // O_NONBLOCK: opening a named pipe must not wait for its writer.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return os_fault("cannot open the configuration file", errno);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return os_fault("cannot inspect it", errno);
  if (!S_ISREG(status.st_mode)) {
    return std::unexpected("not a regular file; name a YAML file to read the configuration from");
  }

  // The size is not to be trusted: the file may grow, and those of procfs are 0 long.
  std::string text(kLargestFile + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_fault("cannot read the configuration file", errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kLargestFile) {
    return std::unexpected("larger than 1 MiB, so hardly a configuration file; check the path");
  }
  text.resize(size);
  return text;
}

}  // namespace

std::expected<Config, ConfigProblems> load_config(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return std::unexpected(ConfigProblems{{.file = path, .message = text.error()}});
  return parse_config(*text, path);
}

}  // namespace throttlelens
