// SPDX-License-Identifier: Apache-2.0
#include "endpoints.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "export/index_page.h"

namespace throttlelens {
namespace {

/// The snapshot that was asked for is there after a base window, or the sampler hangs.
constexpr Nanoseconds kLeastPatience = std::chrono::milliseconds(250);
constexpr auto kPatienceWindows = 5;  // in halves of a base window
constexpr unsigned kUnavailable = 503;

HttpResponse answer(const std::string& trouble) {
  if (trouble.empty()) return {.body = "ok\n"};
  return {.status = kUnavailable, .body = trouble + "\n"};
}

}  // namespace

Endpoints::Endpoints(SnapshotStore& store, const Health& health, const Clock& clock,
                     BuildInfo build, Nanoseconds base, std::uint32_t max_series, Logger logger)
    : store_(store),
      health_(health),
      clock_(clock),
      build_(std::move(build)),
      patience_(std::max(kLeastPatience, base * kPatienceWindows / 2)),
      max_series_(max_series),
      logger_(std::move(logger)) {}

HttpHandlers Endpoints::handlers() {
  return {.metrics = [this] { return metrics(); },
          .livez = [this] { return livez(); },
          .readyz = [this] { return readyz(); },
          .index = [this] { return index(); }};
}

HttpResponse Endpoints::metrics() {
  // A snapshot that no longer changes must not look like one that does.
  if (const std::string trouble = health_.dead_because(clock_.now()); !trouble.empty()) {
    return answer("no metrics: " + trouble);
  }
  const auto snapshot = store_.fresh(patience_);
  if (!snapshot) return answer("no metrics: " + health_.unready_because());
  const MetricsOptions options{.max_series = max_series_.load(), .build = build_};
  const std::lock_guard lock(dropped_lock_);
  RenderedMetrics rendered =
      render_metrics(*snapshot, read_process_stats(), options, dropped_so_far_);
  if (const auto warning = warner_.take(rendered.left_out, options.max_series, clock_.now())) {
    logger_->warn("{}", *warning);
  }
  return {.content_type = kMetricsContentType, .body = std::move(rendered.text)};
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
