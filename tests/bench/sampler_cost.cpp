// SPDX-License-Identifier: Apache-2.0
// What the daemon costs for 10, 100 and 1,000 cgroups, beside a program that polls their files.
// README.md says how.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "busy_cgroups.h"
#include "child_program.h"
#include "statistics.h"

namespace throttlelens::bench {
namespace {

constexpr double kTimesCheaper = 20;
constexpr std::size_t kBoundAt = 1000;

struct Options {
  std::string daemon = "throttlelens";
  std::string poller = "naive_poller";
  std::vector<std::size_t> counts{10, 100, 1000};
  std::size_t active_percent = 10;
  std::size_t seconds = 10;
  std::size_t rounds = 1;
  bool check = false;
};

struct Cost {
  std::vector<double> percent;  ///< of a CPU, one per round
  std::vector<double> rss_mib;
};

void measure(const std::vector<std::string>& command, const char* ready, std::size_t seconds,
             Cost& cost) {
  using Seconds = std::chrono::duration<double>;
  ChildProgram program(command);
  program.wait_for(ready);
  std::this_thread::sleep_for(std::chrono::seconds(2));  // what happens once is not counted
  const auto cpu = program.cpu_time();
  const auto begin = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  const Seconds wall = std::chrono::steady_clock::now() - begin;
  cost.percent.push_back(Seconds(program.cpu_time() - cpu) / wall * 100);
  cost.rss_mib.push_back(static_cast<double>(program.status_kib("VmRSS")) / 1024);
}

std::vector<std::string> command(const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program);
  return arguments;
}

/// How many times cheaper than the cheaper of the pollers.
double measure_count(const Options& options, std::size_t count) {
  const std::size_t active = std::max<std::size_t>(1, count * options.active_percent / 100);
  const BusyCgroups cgroups(count, active);
  Cost ours;
  Cost stat;
  Cost all;
  for (std::size_t round = 0; round < options.rounds; ++round) {
    measure({options.daemon, "run", "--listen", "127.0.0.1:0"}, "ready:", options.seconds, ours);
    measure(command(options.poller, cgroups.stat_files()), "ready", options.seconds, stat);
    measure(command(options.poller, cgroups.all_files()), "ready", options.seconds, all);
  }
  const double cheaper = median(stat.percent) / median(ours.percent);
  std::printf("| %zu | %zu | %.3f %% | %.1f | %.3f %% | %.1f | %.3f %% | %.1f |\n", count, active,
              median(ours.percent), median(ours.rss_mib), median(stat.percent), cheaper,
              median(all.percent), median(all.percent) / median(ours.percent));
  std::fflush(stdout);
  return cheaper;
}

int run(const Options& options) {
  std::printf(
      "| cgroups | active | throttlelens | RSS MiB | poller of cpu.stat | × | poller of use and "
      "throttling | × |\n|--:|--:|--:|--:|--:|--:|--:|--:|\n");
  bool good = true;
  std::string verdict;
  for (const std::size_t count : options.counts) {
    const double cheaper = measure_count(options, count);
    if (count != kBoundAt) continue;
    good = cheaper >= kTimesCheaper;
    verdict = "at 1,000 cgroups " + std::to_string(cheaper) + " times cheaper, at least " +
              std::to_string(static_cast<int>(kTimesCheaper)) + ": " +
              (good ? "holds" : "DOES NOT HOLD");
  }
  std::printf("\n%s\n", verdict.c_str());
  return options.check && !good ? 1 : 0;
}

constexpr const char* kUsage =
    "usage: sampler_cost [--daemon THROTTLELENS] [--poller NAIVE_POLLER] [--count N]…\n"
    "                    [--active PERCENT] [--seconds N] [--rounds N] [--check]\n"
    "  --count   cgroups, may be given several times; default: 10, 100 and 1000\n"
    "  --check   exit 1 when the bound at 1000 cgroups does not hold\n";

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  std::vector<std::size_t> counts;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--check") {
      options.check = true;
      continue;
    }
    if (++i == argc) return std::nullopt;
    const char* const value = argv[i];
    std::size_t number = 0;
    const auto parsed = std::from_chars(value, value + std::strlen(value), number);
    const bool is_number = parsed.ec == std::errc() && *parsed.ptr == '\0' && number > 0;
    if (word == "--daemon") {
      options.daemon = value;
    } else if (word == "--poller") {
      options.poller = value;
    } else if (word == "--count" && is_number) {
      counts.push_back(number);
    } else if (word == "--active" && is_number && number <= 100) {
      options.active_percent = number;
    } else if (word == "--seconds" && is_number) {
      options.seconds = number;
    } else if (word == "--rounds" && is_number) {
      options.rounds = number;
    } else {
      return std::nullopt;
    }
  }
  if (!counts.empty()) options.counts = std::move(counts);
  return options;
}

}  // namespace
}  // namespace throttlelens::bench

int main(int argc, char** argv) {
  using namespace throttlelens::bench;
  const auto options = parse(argc, argv);
  if (!options) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  try {
    return run(*options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sampler_cost: %s\n", error.what());
    return 1;
  }
}
