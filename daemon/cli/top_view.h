// SPDX-License-Identifier: Apache-2.0
// Two ways to show the top table: live on a terminal, or plain text once.
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "cli/arguments.h"
#include "config/config.h"
#include "event_loop.h"
#include "profiler.h"

namespace throttlelens {

/// What both need; everything outlives the view.
struct TopContext {
  EventLoop& loop;
  Profiler& profiler;
  const Clock& clock;
  const Config& config;
  const TopArguments& arguments;
};

/// Until q, Ctrl-C, the end of the terminal, or the number of iterations.
Result<void> show_top_live(const TopContext& context);
/// One table, or as many as iterations ask for, on stdout.
Result<void> show_top_plain(const TopContext& context);

}  // namespace throttlelens
