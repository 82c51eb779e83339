// SPDX-License-Identifier: Apache-2.0
#include "event_loop.h"

#include <array>
#include <cerrno>
#include <string>

#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace throttlelens {
namespace {

std::unexpected<Error> failed(const char* what) {
  return std::unexpected(os_error(what, "", errno));
}

timespec to_timespec(MonoTime instant) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(instant.since_boot);
  return {.tv_sec = seconds.count(), .tv_nsec = (instant.since_boot - seconds).count()};
}

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create(std::span<const int> signals) {
  std::unique_ptr<EventLoop> loop(new EventLoop);
  ::sigemptyset(&loop->blocked_);
  for (const int signal : signals) ::sigaddset(&loop->blocked_, signal);
  if (const int code = ::pthread_sigmask(SIG_BLOCK, &loop->blocked_, &loop->before_); code != 0) {
    return std::unexpected(os_error("block signals", "", code));
  }
  loop->epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
  if (!loop->epoll_) return failed("make an epoll instance");
  loop->timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!loop->timer_) return failed("make a timer");
  loop->signals_.reset(::signalfd(-1, &loop->blocked_, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!loop->signals_) return failed("make a signal descriptor");
  for (const int fd : {loop->timer_.get(), loop->signals_.get()}) {
    if (auto watched = loop->watch(fd); !watched) return std::unexpected(watched.error());
  }
  return loop;
}

EventLoop::~EventLoop() {
  // A signal still pending now is one the loop was asked to take; it must not kill us afterwards.
  Events unused;
  if (signals_) take_signals(unused);
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

Result<void> EventLoop::control(int operation, int fd, unsigned events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) {
    return std::unexpected(os_error("watch descriptor", std::to_string(fd), errno));
  }
  return {};
}

Result<void> EventLoop::watch(int fd) {
  return control(EPOLL_CTL_ADD, fd, EPOLLIN);
}

Result<void> EventLoop::pause(int fd) {
  return control(EPOLL_CTL_MOD, fd, 0);
}

Result<void> EventLoop::resume(int fd) {
  return control(EPOLL_CTL_MOD, fd, EPOLLIN);
}

Result<EventLoop::Events> EventLoop::wait(MonoTime deadline) {
  itimerspec when{};
  when.it_value = to_timespec(deadline);
  // All zero would disarm the timer; one nanosecond after boot is past as well.
  if (when.it_value.tv_sec <= 0 && when.it_value.tv_nsec <= 0) when.it_value.tv_nsec = 1;
  if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr) != 0) {
    return failed("set the timer");
  }
  std::array<epoll_event, 16> ready{};
  const int count =
      ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), /*timeout=*/-1);
  Events events;
  if (count < 0) {
    if (errno == EINTR) return events;
    return failed("wait for events");
  }
  for (const auto& event : std::span(ready).first(static_cast<std::size_t>(count))) {
    if (event.data.fd == timer_.get()) {
      std::uint64_t expirations = 0;
      events.timer = ::read(timer_.get(), &expirations, sizeof expirations) > 0;
    } else if (event.data.fd == signals_.get()) {
      take_signals(events);
    } else {
      events.readable.push_back(event.data.fd);
    }
  }
  return events;
}

void EventLoop::take_signals(Events& events) {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    events.signals.push_back(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace throttlelens
