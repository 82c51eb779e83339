// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace throttlelens {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?25h\x1b[?1049l";
constexpr std::array kCrashes{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/// A signal handler has no argument of ours, so what it restores must be here.
struct Saved {
  volatile sig_atomic_t taken = 0;
  volatile sig_atomic_t keys = 0;  ///< stdin is a terminal too
  termios before{};
};
Saved saved;

bool write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Async-signal-safe: write and tcsetattr only.
void restore() {
  if (saved.taken == 0) return;
  saved.taken = 0;
  write_all(kLeave);
  if (saved.keys != 0) ::tcsetattr(STDIN_FILENO, TCSANOW, &saved.before);
}

extern "C" void restore_and_crash(int signal) {
  restore();
  ::raise(signal);  // SA_RESETHAND made it the default again
}

}  // namespace

bool Terminal::available() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && kind != nullptr && *kind != '\0' &&
         std::string_view(kind) != "dumb";
}

Terminal::Terminal() {
  struct sigaction action{};
  action.sa_handler = restore_and_crash;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : kCrashes) ::sigaction(signal, &action, nullptr);
  enter();
}

Terminal::~Terminal() {
  leave();
  for (const int signal : kCrashes) ::signal(signal, SIG_DFL);
}

void Terminal::enter() {
  saved.keys = ::tcgetattr(STDIN_FILENO, &saved.before) == 0 ? 1 : 0;
  saved.taken = 1;
  if (saved.keys != 0) {
    termios raw = saved.before;
    // Keys come at once and unseen; Ctrl-C and Ctrl-Z stay signals.
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  write_all(kEnter);
}

void Terminal::leave() {
  restore();
}

Terminal::Size Terminal::size() {
  winsize window{};
  Size size;
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0) {
    size = {.columns = window.ws_col, .rows = window.ws_row};
  }
  return size;
}

std::optional<int> Terminal::keys() const {
  if (saved.keys == 0) return std::nullopt;
  return STDIN_FILENO;
}

std::optional<std::string> Terminal::read_keys() const {
  std::array<char, 64> buffer{};
  const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (count > 0) return std::string(buffer.data(), static_cast<std::size_t>(count));
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return std::string();
  return std::nullopt;  // called when readable, so nothing to read is the end
}

bool Terminal::draw(std::string_view body, std::string_view status) {
  // Each line is cleared before it is written: after a full one the cursor hangs in its last cell.
  std::string frame = "\x1b[H";
  const std::size_t height = size().rows;
  for (std::size_t row = 1; row < height && !body.empty(); ++row) {
    const std::size_t end = body.find('\n');
    frame.append("\x1b[K").append(body.substr(0, end)).append("\n");
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
  }
  frame.append("\x1b[J").append(status.substr(0, size().columns));
  return write_all(frame);
}

void Terminal::suspend() {
  leave();
  ::raise(SIGSTOP);
  enter();
}

}  // namespace throttlelens
