// SPDX-License-Identifier: Apache-2.0
#include "endpoints.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "export/index_page.h"
#include "export/snapshot_answer.h"
#include "model/mark.h"

namespace throttlelens {
namespace {

/// The snapshot that was asked for is there after a base window, or the sampler hangs.
constexpr Nanoseconds kLeastPatience = std::chrono::milliseconds(250);
constexpr auto kPatienceWindows = 5;  // in halves of a base window
constexpr unsigned kBadRequest = 400;
constexpr unsigned kUnavailable = 503;

std::string seconds_text(Nanoseconds duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

HttpResponse answer(const std::string& trouble) {
  if (trouble.empty()) return {.body = "ok\n"};
  return {.status = kUnavailable, .body = trouble + "\n"};
}

}  // namespace

Endpoints::Endpoints(SnapshotStore& store, const Health& health, const Clock& clock,
                     BuildInfo build, const Config& config, Logger logger)
    : store_(store),
      health_(health),
      clock_(clock),
      build_(std::move(build)),
      base_(config.windows.base),
      history_(config.windows.history),
      patience_(std::max(kLeastPatience, base_ * kPatienceWindows / 2)),
      logger_(std::move(logger)) {
  reconfigure(config);
}

void Endpoints::reconfigure(const Config& config) {
  for (const std::string& glob : globs_without_metric(config.metrics.exclude)) {
    logger_->warn("metrics.exclude: no metric is named \"{}\"; `throttlelens metrics` lists them",
                  glob);
  }
  const std::lock_guard lock(options_lock_);
  options_ = {
      .max_series = config.limits.max_series, .exclude = config.metrics.exclude, .build = build_};
}

HttpHandlers Endpoints::handlers() {
  return {.metrics = [this] { return metrics(); },
          .snapshot = [this](std::string_view query) { return snapshot(query); },
          .livez = [this] { return livez(); },
          .readyz = [this] { return readyz(); },
          .index = [this] { return index(); }};
}

HttpResponse Endpoints::metrics() {
  const auto snapshot = measured("no metrics: ", Nanoseconds(0));
  if (!snapshot) return snapshot.error();
  const MetricsOptions options = metrics_options();
  const std::lock_guard lock(dropped_lock_);
  RenderedMetrics rendered =
      render_metrics(**snapshot, read_process_stats(), options, dropped_so_far_);
  if (const auto warning = warner_.take(rendered.left_out, options.max_series, clock_.now())) {
    logger_->warn("{}", *warning);
  }
  return {.content_type = kMetricsContentType, .body = std::move(rendered.text)};
}

MetricsOptions Endpoints::metrics_options() {
  const std::lock_guard lock(options_lock_);
  return options_;
}

HttpResponse Endpoints::snapshot(std::string_view query) const {
  const auto wanted = parse_snapshot_query(query);
  if (!wanted) return {.status = kBadRequest, .body = wanted.error() + "\n"};
  if (wanted->duration > history_) {
    return {.status = kBadRequest,
            .body = "duration is more than the " + seconds_text(history_) +
                    " of history that are kept (windows.history)\n"};
  }
  // Different questions are answered one after the other, /metrics among them: they must not each
  // wait for a snapshot of its own. Within a base window there is nothing newer anyway.
  const auto snapshot = measured("no snapshot: ", base_);
  if (!snapshot) return snapshot.error();
  return looked_back(**snapshot, *wanted);
}

HttpResponse Endpoints::looked_back(const Snapshot& snapshot, const SnapshotQuery& query) const {
  const auto start = mark_before(*snapshot.marks, snapshot.taken, query.duration);
  if (start) {
    SnapshotAnswer answer = answer_snapshot(snapshot, start.get(), query);
    return {.content_type = std::move(answer.content_type), .body = std::move(answer.body)};
  }
  // It has not run for so long yet: what is missing is measured ahead.
  const Nanoseconds past =
      snapshot.marks->empty() ? Nanoseconds(0) : snapshot.taken - snapshot.marks->front()->at;
  const Nanoseconds missing = query.duration - past + base_;
  return {.status = kUnavailable,
          .body = "no snapshot of " + seconds_text(query.duration) + ": only the last " +
                  seconds_text(past) + " are known; too many wait already, ask again later\n",
          .known_in = missing};
}

std::expected<std::shared_ptr<const Snapshot>, HttpResponse> Endpoints::measured(
    const std::string& nothing, Nanoseconds acceptable_age) const {
  const MonoTime now = clock_.now();
  // A snapshot that no longer changes must not look like one that does.
  if (const std::string trouble = health_.dead_because(now); !trouble.empty()) {
    return std::unexpected(answer(nothing + trouble));
  }
  auto snapshot = store_.latest();
  if (!snapshot || now - snapshot->taken >= acceptable_age) snapshot = store_.fresh(patience_);
  if (!snapshot) return std::unexpected(answer(nothing + health_.unready_because()));
  return snapshot;
}

HttpResponse Endpoints::livez() const {
  const std::string trouble = health_.dead_because(clock_.now());
  return answer(trouble.empty() ? trouble : "not alive: " + trouble);
}

HttpResponse Endpoints::readyz() const {
  const std::string trouble = health_.unready_because();
  return answer(trouble.empty() ? trouble : "not ready: " + trouble);
}

HttpResponse Endpoints::index() const {
  return {.content_type = kIndexContentType, .body = render_index(store_.latest().get(), build_)};
}

}  // namespace throttlelens
