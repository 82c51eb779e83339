// SPDX-License-Identifier: Apache-2.0
#include "online_cpus.h"

#include <algorithm>
#include <charconv>
#include <fstream>

#include <unistd.h>

namespace throttlelens {

std::vector<std::uint32_t> cpu_list(std::string_view text) {
  constexpr std::uint32_t kMost = 65536;
  std::vector<std::uint32_t> cpus;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find_first_of(",\n"));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const char* const begin = part.data();
    const char* const end = begin + part.size();
    std::uint32_t first = 0;
    const auto [at, error] = std::from_chars(begin, end, first);
    if (error != std::errc()) continue;
    std::uint32_t last = first;
    if (at != end && *at == '-') std::from_chars(at + 1, end, last);
    for (std::uint32_t cpu = first; cpu <= last && cpu < kMost; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<std::uint32_t> online_cpus(const std::string& file) {
  std::ifstream input(file);
  std::string text;
  std::getline(input, text);
  std::vector<std::uint32_t> cpus = cpu_list(text);
  if (cpus.empty()) {
    const auto count = static_cast<std::uint32_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
    for (std::uint32_t cpu = 0; cpu < count; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

}  // namespace throttlelens
