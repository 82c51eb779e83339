// SPDX-License-Identifier: Apache-2.0
// What is added to a context switch by whoever watches it, all watchers in one run. README.md says
// how.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <unistd.h>

#include "child_program.h"
#include "ping_pong.h"
#include "scoped_cgroup.h"
#include "statistics.h"

namespace throttlelens::bench {
namespace {

constexpr double kMostOfEmpty = 3.5;          // throttlelens adds at most this multiple of empty
constexpr double kMostOfCpudist = 1.0 / 2.0;  // and less than this part of cpudist
constexpr std::uint32_t kRoundTrips = 500;    // a chunk: about a millisecond

struct Options {
  std::string attach = "bench_attach";
  unsigned rounds = 15;
  unsigned chunks = 150;
  bool apart = false;
  bool check = false;
};

struct Watcher {
  std::string name;
  std::vector<std::string> command;
  std::string ready;
  std::string refused;            ///< why it could not be measured
  std::vector<double> cost = {};  ///< ns per switch, one per round
  std::vector<double> added = {};
};

std::vector<Watcher> watchers(const Options& options) {
  std::vector<Watcher> all;
  const auto add = [&](const char* name, std::vector<std::string> command, const char* ready) {
    all.push_back({.name = name, .command = std::move(command), .ready = ready, .refused = {}});
  };
  add("empty program", {options.attach, "empty"}, "ready");
  add("throttlelens", {options.attach, "throttlelens"}, "ready");
  for (const std::string tool : {"cpudist", "runqlat"}) {
    const std::string path = "/usr/sbin/" + tool;
    if (::access(path.c_str(), X_OK) != 0) {
      all.push_back({.name = "libbpf-tools " + tool,
                     .command = {},
                     .ready = {},
                     .refused = path + " is not installed"});
    } else {
      add(("libbpf-tools " + tool).c_str(), {path, "3600", "1"}, "Tracing");
    }
  }
  return all;
}

/// The lower quartile of undisturbed chunks: the speed when nothing else interferes, but not one
/// lucky chunk.
double measure(PingPong& load, unsigned chunks) {
  for (int i = 0; i < 5; ++i) (void)load.run(kRoundTrips);
  std::vector<double> undisturbed;
  for (unsigned tries = 0; undisturbed.size() < chunks; ++tries) {
    if (tries > chunks * 40) throw std::runtime_error("the machine is too busy to measure");
    if (const auto cost = load.run(kRoundTrips)) undisturbed.push_back(*cost);
  }
  return quantile(std::move(undisturbed), 0.25);
}

double measure_without(PingPong& load, unsigned chunks) {
  // A program is detached for good only after the grace period that follows its end.
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  return measure(load, chunks);
}

double measure_with(PingPong& load, const Watcher& watcher, unsigned chunks) {
  ChildProgram program(watcher.command);
  program.wait_for(watcher.ready);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  return measure(load, chunks);
}

/// Every watcher between two measurements with nothing attached, in another order each round.
void run_rounds(const Options& options, PingPong& load, std::vector<Watcher>& all,
                std::vector<double>& nothing) {
  std::vector<Watcher*> order;
  for (Watcher& watcher : all) {
    if (watcher.refused.empty()) order.push_back(&watcher);
  }
  std::mt19937 random(1);
  for (unsigned round = 0; round < options.rounds; ++round) {
    std::ranges::shuffle(order, random);
    double before = measure_without(load, options.chunks);
    for (Watcher* watcher : order) {
      if (!watcher->refused.empty()) continue;
      try {
        const double with = measure_with(load, *watcher, options.chunks);
        const double after = measure_without(load, options.chunks);
        watcher->cost.push_back(with);
        watcher->added.push_back(with - (before + after) / 2);
        nothing.push_back(before);
        before = after;
      } catch (const std::runtime_error& error) {
        if (round > 0) throw;
        watcher->refused = error.what();
      }
    }
  }
}

void print_row(const std::string& name, const std::vector<double>& cost,
               const std::vector<double>* added, double empty) {
  std::printf("| %s | %.0f | ", name.c_str(), median(cost));
  if (added == nullptr) {
    std::printf("| | |\n");
    return;
  }
  std::printf("%+.0f | %+.0f … %+.0f | %.2f |\n", median(*added), quantile(*added, 0.25),
              quantile(*added, 0.75), median(*added) / empty);
}

double added_by(const std::vector<Watcher>& all, std::string_view name) {
  const auto found = std::ranges::find(all, name, &Watcher::name);
  return found == all.end() ? std::nan("") : median(found->added);
}

/// Says whether a bound holds; what was not measured does not.
bool holds(const char* what, double value, double bound, bool inclusive) {
  const bool good = inclusive ? value <= bound : value < bound;
  std::printf("%s: %.2f, %s %.2f: %s\n", what, value, inclusive ? "at most" : "less than", bound,
              good ? "holds" : "DOES NOT HOLD");
  return good;
}

int run(const Options& options) {
  const int cpu = last_cpu();
  keep_off(cpu);
  PingPong load(cpu);
  std::vector<test::ScopedCgroup> cgroups;
  if (options.apart) {
    for (const pid_t pid : load.processes()) {
      cgroups.emplace_back();
      cgroups.back().add_process(pid);
    }
  }
  (void)measure(load, options.chunks);  // warms up

  std::vector<Watcher> all = watchers(options);
  std::vector<double> nothing;
  const std::uint64_t before = load.switches();
  run_rounds(options, load, all, nothing);
  std::printf(
      "%llu switches in %u rounds, CPU %d, %s\n\n",
      static_cast<unsigned long long>(load.switches() - before), options.rounds, cpu,
      options.apart ? "each process in a cgroup of its own" : "both processes in the root cgroup");

  const double empty = added_by(all, "empty program");
  std::printf(
      "| attached | ns per switch | added | quartiles | × empty |\n|---|--:|--:|--:|--:|\n");
  print_row("nothing", nothing, nullptr, empty);
  for (const Watcher& watcher : all) {
    if (watcher.refused.empty()) {
      print_row(watcher.name, watcher.cost, &watcher.added, empty);
    } else {
      std::printf("| %s | | | | |\n", watcher.name.c_str());
    }
  }
  std::printf("\n");
  for (const Watcher& watcher : all) {
    if (!watcher.refused.empty()) std::printf("not measured: %s\n", watcher.refused.c_str());
  }
  const double ours = added_by(all, "throttlelens");
  bool good = holds("throttlelens / empty program", ours / empty, kMostOfEmpty, true);
  good &= holds("throttlelens / cpudist", ours / added_by(all, "libbpf-tools cpudist"),
                kMostOfCpudist, false);
  return options.check && !good ? 1 : 0;
}

constexpr const char* kUsage =
    "usage: switch_cost [--attach BENCH_ATTACH] [--rounds N] [--chunks N] [--apart] [--check]\n"
    "  --apart   puts the two processes into cgroups of their own\n"
    "  --check   exit 1 when a bound does not hold\n";

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  const auto number = [](const char* text, unsigned& value) {
    const auto parsed = std::from_chars(text, text + std::strlen(text), value);
    return parsed.ec == std::errc() && *parsed.ptr == '\0' && value > 0;
  };
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--attach" && more) {
      options.attach = argv[++i];
    } else if (word == "--rounds" && more && number(argv[i + 1], options.rounds)) {
      ++i;
    } else if (word == "--chunks" && more && number(argv[i + 1], options.chunks)) {
      ++i;
    } else if (word == "--apart") {
      options.apart = true;
    } else if (word == "--check") {
      options.check = true;
    } else {
      return std::nullopt;
    }
  }
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
    std::fprintf(stderr, "switch_cost: %s\n", error.what());
    return 1;
  }
}
