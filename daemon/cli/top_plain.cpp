// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>

#include <unistd.h>

#include "cli/error_limiter.h"
#include "cli/window_timing.h"
#include "console.h"
#include "export/top_table.h"
#include "sampler.h"
#include "top_view.h"

namespace throttlelens {
namespace {

constexpr std::size_t kRows = 20;
constexpr std::size_t kWidth = 120;  ///< of a pipe or file, which has none of its own

/// By default as long as it takes to see each reported window once from edge to edge.
MonoTime end_of_table(const TopContext& context, MonoTime from) {
  if (context.arguments.interval) return from + *context.arguments.interval;
  const auto& reported = context.config.windows.reported;
  const auto longest = std::ranges::max_element(reported);
  return first_whole_window_end(from,
                                longest == reported.end() ? context.config.windows.base : *longest);
}

}  // namespace

Result<void> show_top_plain(const TopContext& context) {
  const TopArguments& arguments = context.arguments;
  const ProbeInfo info = context.profiler.info();
  if (info.tier != "bpf" && context.config.probe.mode != ProbeMode::cpustat) {
    complain("falling back to tier " + info.tier + ": " + info.reason);
  }
  auto sampler =
      Sampler::start(context.loop, context.profiler, context.clock, context.config.windows.base);
  if (!sampler) return std::unexpected(sampler.error());

  const MonoTime start = context.clock.now();
  MonoTime end = end_of_table(context, start);
  if (::isatty(STDERR_FILENO) == 1) {
    const auto wait = std::chrono::ceil<std::chrono::seconds>(end - start).count();
    complain("measuring for " + std::to_string(wait) + " s");
  }
  const TopOptions options{.order = arguments.order,
                           .rows = arguments.rows.value_or(kRows),
                           .width = kWidth,
                           .filter = arguments.filter};
  ErrorLimiter limiter;
  std::shared_ptr<const Snapshot> before;
  for (std::uint32_t left = arguments.iterations.value_or(1); left > 0;) {
    const auto turn = sampler->turn();
    if (!turn) return std::unexpected(turn.error());
    for (const Error& error : turn->step.errors) {
      if (limiter.admit(error.message(), turn->now)) complain(error.message());
    }
    for (const Error& warning : turn->step.warnings) complain(warning.message());
    if (!turn->signals.empty()) {
      return std::unexpected(Error{.what = "show the table", .on = "", .why = "interrupted"});
    }
    if (turn->step.batches == 0 || !context.profiler.ready()) continue;
    if (before && turn->now < end) continue;
    // There is one look at it: nobody sees the memory that is read in the next turns.
    if (before) context.profiler.read_missing_memory(turn->now);
    auto now = context.profiler.snapshot(turn->now);
    if (before) {
      if (print_result(render_top(before.get(), *now, options)) != kDone) {
        return std::unexpected(Error{.what = "go on", .on = "", .why = "no one takes the result"});
      }
      --left;
      end = end_of_table(context, turn->now);
    }
    before = std::move(now);
  }
  return {};
}

}  // namespace throttlelens
