// SPDX-License-Identifier: Apache-2.0
#include "files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace throttlelens {
namespace {

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kFile = O_RDONLY | O_NOFOLLOW | O_CLOEXEC;

bool same_file(int a, int b) {
  struct stat left{};
  struct stat right{};
  return ::fstat(a, &left) == 0 && ::fstat(b, &right) == 0 && left.st_dev == right.st_dev &&
         left.st_ino == right.st_ino;
}

}  // namespace

Files::Files(Nodes& nodes, UniqueFd cpu, UniqueFd usage) : nodes_(nodes) {
  cpu_ = {.fd = std::move(cpu), .checked = true};
  const bool same = usage && same_file(cpu_.fd.get(), usage.get());
  usage_ = {.fd = std::move(usage), .checked = same};
}

Result<UniqueFd> Files::open_dir(const Node& node) {
  return walk(cpu_, node);
}

UniqueFd Files::open_child(int dir, const std::string& name) {
  return UniqueFd(open_at(dir, name.c_str(), kDirectory));
}

Result<UniqueFd> Files::walk(const Root& root, const Node& node) {
  const auto fail = [&](int code) {
    return std::unexpected(os_error("open the cgroup", nodes_.path(node), code));
  };
  if (!root.fd) return fail(ENOENT);
  UniqueFd at;
  const auto down = [&](const std::string& name) {
    at = open_child(at ? at.get() : root.fd.get(), name);
    return static_cast<bool>(at);
  };
  const auto names = nodes_.names(node);
  if (names.empty() && !down(".")) return fail(errno);
  for (const std::string* name : names) {
    if (!down(*name)) return fail(errno);
  }
  if (root.checked && node.key.id != 0) {
    struct stat st{};
    if (!at || ::fstat(at.get(), &st) != 0) return fail(errno);
    if (st.st_ino != node.key.id) return fail(ENOENT);
  }
  return at;
}

Result<std::string_view> Files::read(Node& node, UniqueFd& kept, const Root& root,
                                     const char* file) {
  const auto fail = [&](int code) {
    return std::unexpected(os_error(std::string("read ") + file + " of", nodes_.path(node), code));
  };
  UniqueFd opened;
  if (!kept) {
    auto dir = walk(root, node);
    if (!dir) return std::unexpected(std::move(dir.error()));
    opened.reset(open_at(dir->get(), file, kFile));
    if (!opened) return fail(errno);
  }
  const ssize_t size = ::pread(kept ? kept.get() : opened.get(), text_.data(), text_.size(), 0);
  if (size < 0) {
    const int code = errno;
    if (kept) {  // removed; in a hierarchy of its own it may have been made anew
      kept.reset();
      --kept_;
    }
    return fail(code);
  }
  if (opened && may_keep()) {
    kept = std::move(opened);
    ++kept_;
  }
  return std::string_view(text_.data(), static_cast<std::size_t>(size));
}

Result<std::string> Files::read_once(int dir, const char* file) {
  const UniqueFd fd(open_at(dir, file, kFile));
  if (!fd) return std::unexpected(os_error("open", file, errno));
  std::array<char, 256> text{};
  const ssize_t size = ::pread(fd.get(), text.data(), text.size(), 0);
  if (size < 0) return std::unexpected(os_error("read", file, errno));
  return std::string(text.data(), static_cast<std::size_t>(size));
}

Result<std::string> Files::read_whole(int dir, const char* file) {
  const UniqueFd fd(open_at(dir, file, kFile));
  if (!fd) return std::unexpected(os_error("open", file, errno));
  std::string out;
  for (;;) {
    const ssize_t size = ::read(fd.get(), text_.data(), text_.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::unexpected(os_error("read", file, errno));
    if (size == 0) return out;
    out.append(text_.data(), static_cast<std::size_t>(size));
  }
}

void Files::forget(Node& node) {
  for (UniqueFd* fd : {&node.stat, &node.use}) {
    if (*fd) --kept_;
    fd->reset();
  }
}

int Files::open_at(int dir, const char* name, int flags) {
  int fd = ::openat(dir, name, flags);
  if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
    const int code = errno;
    if (release_some()) {
      fd = ::openat(dir, name, flags);
    } else {
      errno = code;
    }
  }
  return fd;
}

bool Files::may_keep() {
  // Leave some to the rest of the program.
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  const auto soft = static_cast<std::size_t>(limit.rlim_cur);
  const bool may = kept_ < std::min(most_kept_, soft - std::min<std::size_t>(256, soft / 4));
  if (!may) out_of_descriptors_ = true;
  return may;
}

bool Files::release_some() {
  constexpr std::size_t kEnough = 8;
  out_of_descriptors_ = true;
  const std::size_t before = kept_;
  for (auto it = nodes_.begin(); it != nodes_.end() && before - kept_ < kEnough; ++it) {
    forget(it->second);
  }
  most_kept_ = kept_;
  return kept_ != before;
}

Result<std::vector<Subdirectory>> list_directories(int dir) {
  // Not readdir: it wants a descriptor of its own and 32 KiB, for each of thousands.
  std::vector<Subdirectory> out;
  alignas(dirent64) std::array<char, 16384> buffer;
  if (::lseek(dir, 0, SEEK_SET) < 0) {
    return std::unexpected(os_error("rewind the cgroup directory", "", errno));
  }
  for (;;) {
    const ssize_t size = ::getdents64(dir, buffer.data(), buffer.size());
    if (size < 0) return std::unexpected(os_error("list the cgroup directory", "", errno));
    if (size == 0) return out;
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      const char* record = buffer.data() + at;
      std::uint64_t inode = 0;
      std::uint16_t length = 0;
      std::memcpy(&inode, record + offsetof(dirent64, d_ino), sizeof inode);
      std::memcpy(&length, record + offsetof(dirent64, d_reclen), sizeof length);
      const auto type = static_cast<unsigned char>(record[offsetof(dirent64, d_type)]);
      const std::string_view name(record + offsetof(dirent64, d_name));
      if (type == DT_DIR && name != "." && name != "..") {
        out.push_back({.name = std::string(name), .inode = inode});
      }
      at += length;
    }
  }
}

}  // namespace throttlelens
