// SPDX-License-Identifier: Apache-2.0
#include "endpoints.h"

#include <chrono>
#include <utility>

#include "export/index_page.h"

namespace throttlelens {
namespace {

/// Two base windows and a half: the snapshot that was asked for is there, or the sampler hangs.
constexpr Nanoseconds kPatience = std::chrono::milliseconds(250);
constexpr unsigned kUnavailable = 503;

HttpResponse answer(const std::string& trouble) {
  if (trouble.empty()) return {.body = "ok\n"};
  return {.status = kUnavailable, .body = trouble + "\n"};
}

}  // namespace

Endpoints::Endpoints(SnapshotStore& store, const Health& health, const Clock& clock,
                     BuildInfo build, std::uint32_t max_series)
    : store_(store),
      health_(health),
      clock_(clock),
      build_(std::move(build)),
      max_series_(max_series) {}

HttpHandlers Endpoints::handlers() {
  return {.metrics = [this] { return metrics(); },
          .livez = [this] { return livez(); },
          .readyz = [this] { return readyz(); },
          .index = [this] { return index(); }};
}

HttpResponse Endpoints::metrics() {
  const auto snapshot = store_.fresh(kPatience);
  if (!snapshot) return answer("no metrics: " + health_.unready_because());
  const MetricsOptions options{.max_series = max_series_.load(), .build = build_};
  const std::lock_guard lock(dropped_lock_);
  return {.content_type = kMetricsContentType,
          .body = render_metrics(*snapshot, read_process_stats(), options, dropped_so_far_)};
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
  return {.content_type = "text/html; charset=utf-8",
          .body = render_index(store_.latest().get(), build_)};
}

}  // namespace throttlelens
