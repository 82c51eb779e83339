// SPDX-License-Identifier: Apache-2.0
// What is added to processes and threads that nobody follows, by the programs that follow others.
// README.md says how.
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child_program.h"
#include "statistics.h"

namespace throttlelens::bench {
namespace {

constexpr double kMostLonger = 1.05;
constexpr unsigned kChunks = 60;

struct Options {
  std::string attach = "bench_attach";
  unsigned rounds = 15;
  bool check = false;
};

/// Started as by a shell; waited for.
void run_process() {
  static char program[] = "/bin/true";
  char* const argv[] = {program, nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = 0;
  if (const int code = ::posix_spawn(&pid, program, nullptr, nullptr, argv, environment)) {
    throw std::runtime_error("start /bin/true: " + std::string(std::strerror(code)));
  }
  if (::waitpid(pid, nullptr, 0) != pid) throw std::runtime_error("wait for /bin/true");
}

void run_thread() {
  std::thread([] {}).join();
}

/// Nanoseconds of one, when nothing else interferes.
double measure(void (*work)(), unsigned in_a_chunk) {
  std::vector<double> chunks;
  for (unsigned chunk = 0; chunk < kChunks; ++chunk) {
    const auto begin = std::chrono::steady_clock::now();
    for (unsigned i = 0; i < in_a_chunk; ++i) work();
    const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - begin;
    chunks.push_back(static_cast<double>(took.count()) / in_a_chunk);
  }
  return quantile(std::move(chunks), 0.25);
}

struct Kind {
  const char* name;
  void (*work)();
  unsigned in_a_chunk;
  std::vector<double> without = {};
  std::vector<double> added = {};
  std::vector<double> ratio = {};
};

void run_round(const Options& options, std::vector<Kind>& kinds) {
  std::vector<double> before;
  for (const Kind& kind : kinds) before.push_back(measure(kind.work, kind.in_a_chunk));
  std::vector<double> with;
  {
    ChildProgram program({options.attach, "processes"});
    program.wait_for("ready");
    for (const Kind& kind : kinds) with.push_back(measure(kind.work, kind.in_a_chunk));
  }
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    Kind& kind = kinds[i];
    const double without = (before[i] + measure(kind.work, kind.in_a_chunk)) / 2;
    kind.without.push_back(without);
    kind.added.push_back(with[i] - without);
    kind.ratio.push_back(with[i] / without);
  }
}

int run(const Options& options) {
  // The collector stays on the others: what it takes is measured elsewhere.
  const int cpu = last_cpu();
  std::vector<Kind> kinds{{.name = "fork, exec, exit", .work = run_process, .in_a_chunk = 5},
                          {.name = "a thread", .work = run_thread, .in_a_chunk = 50}};
  pin(cpu);
  for (unsigned round = 0; round < options.rounds; ++round) run_round(options, kinds);
  std::printf(
      "%u rounds, CPU %d\n\n| | without, us | added, us | quartiles | ratio |\n"
      "|---|--:|--:|--:|--:|\n",
      options.rounds, cpu);
  for (const Kind& kind : kinds) {
    std::printf("| %s | %.1f | %+.2f | %+.2f … %+.2f | %.3f |\n", kind.name,
                median(kind.without) / 1e3, median(kind.added) / 1e3,
                quantile(kind.added, 0.25) / 1e3, quantile(kind.added, 0.75) / 1e3,
                median(kind.ratio));
  }
  const double ratio = median(kinds[0].ratio);
  const bool good = ratio <= kMostLonger;
  std::printf("\na process takes %.3f times as long, at most %.2f: %s\n", ratio, kMostLonger,
              good ? "holds" : "DOES NOT HOLD");
  return options.check && !good ? 1 : 0;
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--attach" && more) {
      options.attach = argv[++i];
    } else if (word == "--rounds" && more) {
      const std::string_view text = argv[++i];
      const auto parsed = std::from_chars(text.begin(), text.end(), options.rounds);
      if (parsed.ec != std::errc() || parsed.ptr != text.end() || options.rounds == 0) return false;
    } else if (word == "--check") {
      options.check = true;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace
}  // namespace throttlelens::bench

int main(int argc, char** argv) {
  using namespace throttlelens::bench;
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs("usage: process_cost [--attach BENCH_ATTACH] [--rounds N] [--check]\n", stderr);
    return 2;
  }
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "process_cost: %s\n", error.what());
    return 1;
  }
}
