// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes, the reader must answer with a configuration that keeps its promises, or with
// problems that point into the text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/duration.h"
#include "config/config.h"

using namespace throttlelens;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_config(const Config& config) {
  using namespace std::chrono_literals;
  const auto& windows = config.windows;
  require(windows.base >= 10ms && windows.base <= 1s && 1s % windows.base == 0ns);
  require(windows.history >= 60s && windows.history <= 1h);
  require(!windows.reported.empty() && windows.reported.size() <= 5);
  Nanoseconds before{0};
  for (const auto window : windows.reported) {
    require(window > before && window <= windows.history && window % windows.base == 0ns);
    before = window;
  }
  require(config.limits.max_cgroups >= 16 && config.limits.max_cgroups <= 65535);
  require(config.limits.max_series >= 100);
  require(!listen_problem(config.listen));
  const auto is_path = [](const std::string& path) {
    return path.starts_with('/') && path.find('\0') == std::string::npos;
  };
  require(is_path(config.cgroup.root));
  for (const auto* const paths : {&config.runtimes.containerd, &config.runtimes.crio,
                                  &config.runtimes.docker, &config.runtimes.podman}) {
    require(std::ranges::all_of(*paths, is_path));
  }
}

void check_problems(const ConfigProblems& problems, std::string_view text) {
  require(!problems.empty() && problems.size() <= 101);
  const auto lines = std::ranges::count(text, '\n') + 1;
  for (const auto& problem : problems) {
    require(problem.file == "fuzz" && !problem.message.empty());
    require(problem.line >= 0 && problem.line <= lines);
    require((problem.line > 0) == (problem.column > 0));
    require(static_cast<std::size_t>(problem.column) <= text.size() + 1);
    require(std::ranges::none_of(
        problem.text(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const auto config = parse_config(text, "fuzz");
  if (config) {
    check_config(*config);
  } else {
    check_problems(config.error(), text);
  }
  if (const auto duration = parse_duration(text)) require(*duration >= Nanoseconds(0));
  (void)listen_problem(text);
  return 0;
}
