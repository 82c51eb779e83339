// SPDX-License-Identifier: Apache-2.0
// Asks the daemon of this machine; where none runs, measures for as long as was asked for.
#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <memory>
#include <string>

#include <unistd.h>

#include "cli/error_limiter.h"
#include "cli/web_url.h"
#include "commands.h"
#include "config/web_config.h"
#include "console.h"
#include "event_loop.h"
#include "export/snapshot_answer.h"
#include "fetch.h"
#include "process_setup.h"
#include "profiler.h"
#include "sampler.h"
#include "settings.h"
#include "terminal.h"

namespace throttlelens {
namespace {

/// Beside what the daemon may have to measure ahead.
constexpr Nanoseconds kPatience = std::chrono::seconds(20);

std::string text_of(Nanoseconds duration) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(duration).count()) + " s";
}

Result<std::shared_ptr<const Snapshot>> measure(Profiler& profiler, EventLoop& loop,
                                                const Config& config, Nanoseconds duration) {
  const SystemClock clock;
  auto sampler = Sampler::start(loop, profiler, clock, config.windows.base);
  if (!sampler) return std::unexpected(sampler.error());
  ErrorLimiter limiter;
  const MonoTime start = clock.now();
  while (true) {
    const auto turn = sampler->turn();
    if (!turn) return std::unexpected(turn.error());
    for (const Error& error : turn->step.errors) {
      if (limiter.admit(error.message(), turn->now)) complain(error.message());
    }
    for (const Error& warning : turn->step.warnings) complain(warning.message());
    if (!turn->signals.empty()) {
      return std::unexpected(Error{.what = "measure", .on = "", .why = "interrupted"});
    }
    if (turn->step.batches == 0 || turn->now - start < duration) continue;
    profiler.read_missing_memory(turn->now);
    auto snapshot = profiler.snapshot(turn->now);
    if (mark_before(*snapshot->marks, snapshot->taken, duration)) return snapshot;
  }
}

/// The file's only line.
Result<std::string> read_password(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line)) {
    return std::unexpected(
        Error{.what = "read the password file",
              .on = path,
              .why = "it is not there, not readable or empty",
              .fix = "write the password into it, and let only its user read it"});
  }
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

int measure_here(Config config, const SnapshotQuery& query) {
  config.windows.history = std::max(config.windows.history, query.duration);
  if (auto raised = raise_open_file_limit(); !raised) complain(raised.error().message());
  static constexpr std::array kSignals{SIGINT, SIGTERM};
  const auto loop = EventLoop::create(kSignals);
  if (!loop) return complain(loop.error().message());
  const auto profiler = Profiler::create(config);
  if (!profiler) return complain(profiler.error().message());
  const ProbeInfo info = (*profiler)->info();
  if (info.tier != "bpf" && config.probe.mode != ProbeMode::cpustat) {
    complain("falling back to tier " + info.tier + ": " + info.reason);
  }
  const auto snapshot = measure(**profiler, **loop, config, query.duration);
  if (!snapshot) return complain(snapshot.error().message());
  const auto start = mark_before(*(*snapshot)->marks, (*snapshot)->taken, query.duration);
  return print_result(answer_snapshot(**snapshot, start.get(), query).body);
}

/// The daemon of this machine speaks TLS if its web configuration says so.
Result<WebUrl> url_to_ask(const SnapshotArguments& arguments, const Config& config) {
  if (arguments.from) return *arguments.from;
  WebUrl url = local_url(config.listen);
  if (config.web_config_file.empty()) return url;
  const auto web = load_web_config(config.web_config_file).config;
  if (!web) {
    return std::unexpected(Error{.what = "learn how the daemon of this machine is served",
                                 .on = "",
                                 .why = web.error().front().text(),
                                 .fix = "or name the daemon with --from"});
  }
  url.tls = web->tls.has_value();
  return url;
}

Result<FetchAccess> access_of(const SnapshotArguments& arguments, const WebUrl& url) {
  const bool for_tls = !arguments.ca_file.empty() || !arguments.cert_file.empty();
  if (for_tls && !url.tls) {
    return std::unexpected(Error{.what = "use certificates with",
                                 .on = to_string(url),
                                 .why = "it is not TLS",
                                 .fix = "write https:// in --from"});
  }
  FetchAccess access{.user = arguments.user,
                     .password = {},
                     .ca_file = arguments.ca_file,
                     .cert_file = arguments.cert_file,
                     .key_file = arguments.key_file};
  if (arguments.password_file.empty()) return access;
  auto password = read_password(arguments.password_file);
  if (!password) return std::unexpected(std::move(password.error()));
  access.password = std::move(*password);
  return access;
}

}  // namespace

int snapshot_command(const SnapshotArguments& arguments) {
  const auto config = load_settings(arguments.config, {});
  if (!config) return complain(config.error());
  SnapshotQuery query = arguments.query;
  if (::isatty(STDOUT_FILENO) == 1) query.width = Terminal::size().columns;
  const auto url = url_to_ask(arguments, *config);
  if (!url) return complain(url.error().message());
  const auto access = access_of(arguments, *url);
  if (!access) return complain(access.error().message());
  const auto answer = fetch(*url, "/api/v1/snapshot?" + to_query_string(query),
                            query.duration + kPatience, *access);
  if (answer) return print_result(*answer);
  if (arguments.from || !answer.error().nobody_there) {
    return complain(answer.error().error.message());
  }
  if (::isatty(STDERR_FILENO) == 1) {
    complain("no daemon at " + to_string(*url) + "; measuring for " + text_of(query.duration));
  }
  return measure_here(*config, query);
}

}  // namespace throttlelens
