// SPDX-License-Identifier: Apache-2.0
// The log: one line an event on stderr, text or JSON. Everything logged is escaped here, so that
// no caller can forget it.
#pragma once

#include <memory>

#include <spdlog/logger.h>

#include "config/config.h"

namespace throttlelens {

using Logger = std::shared_ptr<spdlog::logger>;

Logger make_logger(const Config::Log& options);
/// The same over a sink of the caller's.
Logger make_logger(const Config::Log& options, spdlog::sink_ptr sink);
/// Changes level and format of a logger in use. Its sinks lock, so other threads may log meanwhile.
void apply_log_options(spdlog::logger& logger, const Config::Log& options);

}  // namespace throttlelens
