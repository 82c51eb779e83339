// SPDX-License-Identifier: Apache-2.0
#include "bundle_files.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "container_path.h"
#include "names.h"

namespace throttlelens::runtime {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
// Not blocking: somebody may have put a pipe there.
constexpr int kFile = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::size_t kMostDirectories = 64;
constexpr int kMostEntries = 1024;

Result<UniqueFd> open_name(int dir, std::string_view name, int flags) {
  const std::string text(name);
  if (!is_safe_name(name)) return std::unexpected(os_error("open", text, ENOENT));
  UniqueFd fd(::openat(dir, text.c_str(), flags));
  if (!fd) return std::unexpected(os_error("open", text, errno));
  return fd;
}

}  // namespace

Result<UniqueFd> open_state(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), kDirectory));
  if (!fd) return std::unexpected(os_error("open", "", errno));
  return fd;
}

Result<UniqueFd> open_below(int dir, std::string_view name) {
  return open_name(dir, name, kDirectory | O_NOFOLLOW);
}

Result<WipedText> read_below(int dir, const std::vector<std::string_view>& names) {
  UniqueFd at;
  std::string on;
  for (const std::string_view& name : names) {
    if (!on.empty()) on += '/';
    on += name;
    const int flags = &name == &names.back() ? kFile : kDirectory | O_NOFOLLOW;
    auto next = open_name(at ? at.get() : dir, name, flags);
    if (!next) return std::unexpected(os_error("open", on, next.error().code));
    at = std::move(*next);
  }
  auto text = WipedText::read(at.get(), kLargestFile);
  if (!text) text.error().on = on;
  return text;
}

Result<Listing> list_below(int dir) {
  Listing out;
  UniqueFd again(::openat(dir, ".", kDirectory));  // closedir closes what it is given
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(again ? ::fdopendir(again.get()) : nullptr,
                                                    ::closedir);
  if (!listing) return std::unexpected(os_error("list", "", errno));
  (void)again.release();
  int examined = 0;
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name(entry->d_name);
    const bool maybe_directory = entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN;
    const bool fits = maybe_directory && is_safe_name(name);
    out.cut = ++examined > kMostEntries || (fits && out.names.size() == kMostDirectories);
    if (out.cut) break;
    if (fits) out.names.emplace_back(name);
  }
  std::ranges::sort(out.names);
  return out;
}

bool is_absent(const Error& error) {
  return error.code == ENOENT || error.code == ENOTDIR;
}

}  // namespace throttlelens::runtime
