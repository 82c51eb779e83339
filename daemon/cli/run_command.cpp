// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "cli/logging.h"
#include "commands.h"
#include "console.h"
#include "probe/plan.h"
#include "process_setup.h"
#include "service.h"
#include "settings.h"

namespace throttlelens {
namespace {

/// What is left out may be by choice, so this is no warning; but rows are missed by somebody.
void tell_what_is_left_out(spdlog::logger& logger) {
  for (const Feature& feature : detect_process_features()) {
    if (feature.present) continue;
    logger.info("without {}: {}; to get it: {}", feature.name, feature.detail, feature.fix);
  }
}

}  // namespace

int run_command(const RunArguments& arguments) {
  Overrides overrides{.listen = arguments.listen, .log_level = arguments.log_level};
  auto config = load_settings(arguments.config, overrides);
  if (!config) return complain(config.error());

  const Logger logger = make_logger(config->log);
  if (auto raised = raise_open_file_limit(); !raised) logger->warn("{}", raised.error().message());
  tell_what_is_left_out(*logger);
  Service service(std::move(*config), arguments.config, std::move(overrides), logger);
  if (auto ended = service.run(); !ended) {
    logger->critical("{}", ended.error().message());
    // Whoever turned the log off still needs to know why there is no daemon.
    if (!logger->should_log(spdlog::level::critical)) complain(ended.error().message());
    return kFailed;
  }
  return kDone;
}

}  // namespace throttlelens
