// SPDX-License-Identifier: Apache-2.0
// The daemon: samples, publishes for the HTTP threads, and obeys signals.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "cli/error_limiter.h"
#include "cli/health.h"
#include "cli/logging.h"
#include "cli/window_timing.h"
#include "config/config.h"
#include "config/web_config.h"
#include "endpoints.h"
#include "event_loop.h"
#include "export/http_server.h"
#include "export/snapshot_store.h"
#include "profiler.h"
#include "sampler.h"
#include "settings.h"
#include "web_watch.h"

namespace throttlelens {

class Service {
 public:
  /// `file` and `overrides` are read again at each reload.
  Service(Config config, std::string file, Overrides overrides, Logger logger);

  /// Until SIGTERM or SIGINT; an error when it could not start or cannot go on.
  Result<void> run();

 private:
  Result<void> start();
  /// Opens the port, in the way that the web configuration says.
  Result<void> serve();
  void watch(LoadedWebConfig web);
  /// False when the daemon shall end.
  bool obey(int signal);
  void reload();
  void take(const Sampler::Turn& turn);
  void say_ready(const Snapshot& snapshot);

  Config config_;  ///< in force; a reload changes what it may
  const std::string file_;
  const Overrides overrides_;
  const Logger logger_;

  const SystemClock clock_;
  Health health_;
  SnapshotStore store_;
  Endpoints endpoints_;
  PublishPolicy publish_;
  ErrorLimiter limiter_;
  bool said_ready_ = false;

  // Ends in reverse order: no reader, then no probe, then signals as before.
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<Profiler> profiler_;
  std::unique_ptr<HttpServer> http_;
  std::string url_;                ///< "https://[::]:9976"
  std::unique_ptr<WebWatch> web_;  ///< null without a web configuration
};

}  // namespace throttlelens
