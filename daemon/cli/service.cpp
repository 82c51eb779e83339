// SPDX-License-Identifier: Apache-2.0
#include "service.h"

#include <array>
#include <csignal>
#include <utility>

#include "cli/reload.h"
#include "config/web_config.h"
#include "probe/libbpf_version.h"
#include "version.h"
#include "web_security.h"

namespace throttlelens {
namespace {

constexpr std::array kSignals{SIGTERM, SIGINT, SIGHUP};

BuildInfo build_info() {
  VersionInfo info = version_info();
  return {.version = std::move(info.version),
          .commit = std::move(info.commit),
          .libbpf = libbpf_version(),
          .compiler = std::move(info.compiler)};
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

Service::Service(Config config, std::string file, Overrides overrides, Logger logger)
    : config_(std::move(config)),
      file_(std::move(file)),
      overrides_(std::move(overrides)),
      logger_(std::move(logger)),
      health_(clock_.now(), config_.windows.base),
      endpoints_(store_, health_, clock_, build_info(), config_, logger_) {}

Result<void> Service::serve() {
  const std::string& file = config_.web_config_file;
  HttpServerOptions options{.listen = config_.listen};
  LoadedWebConfig web;
  if (!file.empty()) {
    web = load_web_config(file);
    // Serving in the clear what was meant to be protected would be worse than not to serve.
    if (!web.config) {
      for (const auto& problem : web.config.error()) logger_->error("{}", problem.text());
      return std::unexpected(Error{.what = "serve with the web_config_file",
                                   .on = file,
                                   .why = web.config.error().front().text(),
                                   .fix = "check-config tells all that is wrong"});
    }
    options.security = http_security(*web.config);
  }
  auto http = HttpServer::start(options, endpoints_.handlers());
  if (!http) {
    Error error = std::move(http.error());
    if (error.fix.empty()) {
      error.fix = "is another throttlelens running? choose another address with --listen";
    }
    return std::unexpected(std::move(error));
  }
  http_ = std::move(*http);
  url_ = (options.security.tls ? "https://" : "http://") + http_->address();
  if (!file.empty()) watch(std::move(web));
  return {};
}

void Service::watch(LoadedWebConfig web) {
  const std::string& file = config_.web_config_file;
  WebReloader::Ports ports{
      .load = [file] { return load_web_config(file); },
      .look = identity_of,
      .apply = [this](const WebConfig& c) { return http_->replace_security(http_security(c)); },
      .reloaded = [file, log = logger_] { log->info("reloaded {}", file); },
      .refused =
          [file, log = logger_](const std::string& problem) {
            log->error("{} stays as it was, what is there now is refused: {}", file, problem);
          }};
  web_ = std::make_unique<WebWatch>(
      WebReloader(std::move(ports), std::move(*web.config), std::move(web.seen)));
}

Result<void> Service::start() {
  auto loop = EventLoop::create(kSignals);
  if (!loop) return std::unexpected(loop.error());
  loop_ = std::move(*loop);

  // Before the probe: a taken port is known at once, and /livez answers while the probe attaches.
  if (auto served = serve(); !served) return served;

  auto profiler = Profiler::create(config_);
  if (!profiler) return std::unexpected(profiler.error());
  profiler_ = std::move(*profiler);
  const ProbeInfo info = profiler_->info();
  if (info.tier != "bpf" && config_.probe.mode != ProbeMode::cpustat) {
    logger_->warn("falling back to tier {}, which polls cpu.stat and knows no idle time: {}",
                  info.tier, info.reason);
  }
  return {};
}

Result<void> Service::run() {
  if (auto started = start(); !started) return started;
  auto sampler = Sampler::start(*loop_, *profiler_, clock_, config_.windows.base);
  if (!sampler) return std::unexpected(sampler.error());
  health_.beat(clock_.now());
  while (true) {
    const auto turn = sampler->turn();
    if (!turn) return std::unexpected(turn.error());
    take(*turn);
    for (const int signal : turn->signals) {
      if (!obey(signal)) return {};
    }
  }
}

void Service::take(const Sampler::Turn& turn) {
  for (const Error& error : turn.step.errors) {
    std::string message = error.message();
    if (limiter_.admit(message, turn.now)) logger_->error("{}", message);
  }
  for (const Error& warning : turn.step.warnings) logger_->warn("{}", warning.message());
  if (turn.step.collected) health_.beat(turn.now);
  if (turn.step.batches == 0 || !profiler_->ready()) return;
  if (!publish_.due(turn.now, store_.wanted())) return;
  auto snapshot = profiler_->snapshot(turn.now);
  if (!said_ready_) say_ready(*snapshot);
  store_.publish(std::move(snapshot));
  health_.set_ready();
}

void Service::say_ready(const Snapshot& snapshot) {
  said_ready_ = true;
  logger_->info(
      "ready: tier {}, {} containers, {} cgroups beside them ({}), {} CPUs, metrics at "
      "{}/metrics",
      snapshot.probe.tier, snapshot.containers.size(), snapshot.cgroups.size(),
      snapshot.probe.cgroup_mode, snapshot.cpus_online, url_);
}

bool Service::obey(int signal) {
  if (signal == SIGHUP) {
    reload();
    return true;
  }
  logger_->info("ending: got {}", signal == SIGTERM ? "SIGTERM" : "SIGINT");
  return false;
}

void Service::reload() {
  if (file_.empty()) {
    logger_->info("nothing to reload: started without a configuration file (--config)");
    return;
  }
  const auto wanted = load_settings(file_, overrides_);
  if (!wanted) {
    for (const auto& problem : wanted.error()) logger_->error("{}", problem.text());
    logger_->error("{} is refused with {} problems; the configuration in force stays", file_,
                   wanted.error().size());
    return;
  }
  ReloadPlan plan = plan_reload(config_, *wanted);
  config_ = std::move(plan.running);
  apply_log_options(*logger_, config_.log);
  profiler_->reconfigure(config_);
  endpoints_.reconfigure(config_);
  for (const auto& key : plan.need_restart) {
    logger_->warn("{} changed in {}; it takes effect after a restart", key, file_);
  }
  logger_->info("reloaded {}: {}", file_,
                plan.applied.empty() ? "nothing to apply" : "applied " + join(plan.applied));
}

}  // namespace throttlelens
