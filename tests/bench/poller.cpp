// SPDX-License-Identifier: Apache-2.0
// naive_poller FILE…: opens, reads and closes every file ten times a second and does nothing with
// what it read. What watching cgroups costs at the least when it is done the obvious way.
#include <array>
#include <chrono>
#include <cstdio>
#include <span>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

int main(int argc, char** argv) {
  const std::span<char*> files(argv + 1, static_cast<std::size_t>(argc - 1));
  std::puts("ready");
  std::fflush(stdout);
  auto next = std::chrono::steady_clock::now();
  while (true) {
    for (const char* file : files) {
      const int fd = ::open(file, O_RDONLY | O_CLOEXEC);
      std::array<char, 4096> text;
      if (fd < 0 || ::read(fd, text.data(), text.size()) < 0) {
        std::perror(file);
        return 1;
      }
      ::close(fd);
    }
    next += std::chrono::milliseconds(100);
    std::this_thread::sleep_until(next);
  }
}
