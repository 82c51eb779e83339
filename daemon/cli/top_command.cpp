// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <csignal>

#include "commands.h"
#include "console.h"
#include "process_setup.h"
#include "settings.h"
#include "terminal.h"
#include "top_view.h"

namespace throttlelens {

int top_command(const TopArguments& arguments) {
  const auto config = load_settings(arguments.config, {});
  if (!config) return complain(config.error());
  if (auto raised = raise_open_file_limit(); !raised) complain(raised.error().message());

  const bool live = Terminal::available();
  static constexpr std::array kLive{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};
  static constexpr std::array kPlain{SIGINT, SIGTERM};
  const auto loop = live ? EventLoop::create(kLive) : EventLoop::create(kPlain);
  if (!loop) return complain(loop.error().message());
  const auto profiler = Profiler::create(*config);
  if (!profiler) return complain(profiler.error().message());

  const SystemClock clock;
  const TopContext context{.loop = **loop,
                           .profiler = **profiler,
                           .clock = clock,
                           .config = *config,
                           .arguments = arguments};
  const auto shown = live ? show_top_live(context) : show_top_plain(context);
  if (!shown) return complain(shown.error().message());
  return kDone;
}

}  // namespace throttlelens
