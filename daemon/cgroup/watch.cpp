// SPDX-License-Identifier: Apache-2.0
#include "watch.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace throttlelens {
namespace {

constexpr std::uint32_t kMask =
    IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_ONLYDIR;

// Enough for a full default queue of short names; what is left stays readable.
constexpr int kMostReads = 16;
constexpr std::size_t kBuffer = 64UL * 1024;

std::optional<Watch::Kind> kind_of_write(std::string_view file) {
  constexpr std::array<std::string_view, 5> kLimits{"cpu.max", "cpu.max.burst", "cpu.cfs_quota_us",
                                                    "cpu.cfs_period_us", "cpu.cfs_burst_us"};
  for (const std::string_view name : kLimits) {
    if (file == name) return Watch::Kind::limit;
  }
  for (const std::string_view name : {"cpu.shares", "cpu.weight", "cpu.weight.nice"}) {
    if (file == name) return Watch::Kind::weight;
  }
  if (file == "cgroup.subtree_control") return Watch::Kind::controllers;
  return std::nullopt;  // cgroup.procs and the like, written whenever a process moves
}

}  // namespace

Result<Watch> Watch::open(std::uint32_t max_watches) {
  Watch watch;
  watch.max_watches_ = max_watches;
  watch.buffer_.resize(kBuffer);
  watch.inotify_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!watch.inotify_) return std::unexpected(os_error("create an inotify instance", "", errno));
  watch.timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!watch.timer_) return std::unexpected(os_error("create a timer", "", errno));
  watch.epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!watch.epoll_) return std::unexpected(os_error("create an epoll instance", "", errno));
  for (const int fd : {watch.inotify_.get(), watch.timer_.get()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(watch.epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return std::unexpected(os_error("poll the cgroup watches", "", errno));
    }
  }
  return watch;
}

Result<int> Watch::add(int dir_fd) {
  // By descriptor: a path could name another directory by now.
  const std::string path = "/proc/self/fd/" + std::to_string(dir_fd);
  if (watches_ >= max_watches_) {
    return std::unexpected(os_error("watch the cgroup directory", path, ENOSPC));
  }
  const int wd = ::inotify_add_watch(inotify_.get(), path.c_str(), kMask);
  if (wd < 0) return std::unexpected(os_error("watch the cgroup directory", path, errno));
  ++watches_;
  return wd;
}

void Watch::remove(int wd) {
  // Needed: kernfs keeps the link count of a removed directory, so the kernel does not drop the
  // watch (seen on 6.18), and each would pin an inode for good.
  ::inotify_rm_watch(inotify_.get(), wd);
  if (watches_ > 0) --watches_;
}

Result<void> Watch::read(const std::function<void(const Event&)>& handle) {
  for (int reads = 0; reads < kMostReads; ++reads) {
    const ssize_t size = ::read(inotify_.get(), buffer_.data(), buffer_.size());
    if (size < 0) {
      if (errno == EAGAIN) return {};
      if (errno == EINTR) continue;
      return std::unexpected(os_error("read the cgroup notifications", "", errno));
    }
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer_.data() + at, sizeof event);
      const char* name = buffer_.data() + at + sizeof event;
      const std::string_view text(name, event.len == 0 ? 0 : ::strnlen(name, event.len));
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        handle({.wd = -1, .kind = Kind::lost, .name = {}});
      } else if ((event.mask & IN_ISDIR) != 0) {
        if (!text.empty()) handle({.wd = event.wd, .kind = Kind::child, .name = text});
      } else if ((event.mask & IN_MODIFY) != 0) {
        if (const auto kind = kind_of_write(text)) {
          handle({.wd = event.wd, .kind = *kind, .name = {}});
        }
      }
    }
  }
  return {};
}

Result<void> Watch::set_timer(Nanoseconds first, Nanoseconds every) {
  const auto spec = [](Nanoseconds t) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    return timespec{.tv_sec = t.count() / kSecond, .tv_nsec = t.count() % kSecond};
  };
  const itimerspec timer{.it_interval = spec(every), .it_value = spec(first)};
  if (::timerfd_settime(timer_.get(), 0, &timer, nullptr) != 0) {
    return std::unexpected(os_error("set the rescan timer", "", errno));
  }
  return {};
}

bool Watch::timer_fired() {
  std::uint64_t expirations = 0;
  return ::read(timer_.get(), &expirations, sizeof expirations) ==
         static_cast<ssize_t>(sizeof expirations);
}

}  // namespace throttlelens
