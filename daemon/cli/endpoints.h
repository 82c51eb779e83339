// SPDX-License-Identifier: Apache-2.0
// What the HTTP endpoints answer. Runs on HTTP threads; reads snapshots, never the sampler.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/units.h"
#include "cli/health.h"
#include "cli/logging.h"
#include "cli/series_warning.h"
#include "config/config.h"
#include "export/http_server.h"
#include "export/metrics.h"
#include "export/snapshot_query.h"
#include "export/snapshot_store.h"

namespace throttlelens {

class Endpoints {
 public:
  /// Everything passed must outlive the endpoints.
  Endpoints(SnapshotStore& store, const Health& health, const Clock& clock, BuildInfo build,
            const Config& config, Logger logger);

  /// The handlers refer to this object.
  HttpHandlers handlers();
  /// What of `config` may change: which metrics are shown, and how many series.
  void reconfigure(const Config& config);

 private:
  HttpResponse metrics();
  MetricsOptions metrics_options();
  HttpResponse snapshot(std::string_view query) const;
  /// Of `snapshot` as `query` wants it, or when it will be known.
  HttpResponse looked_back(const Snapshot& snapshot, const SnapshotQuery& query) const;
  /// The newest snapshot; one that is younger than `acceptable_age` may be it. Without one, an
  /// answer that begins with `nothing` and says why.
  std::expected<std::shared_ptr<const Snapshot>, HttpResponse> measured(
      const std::string& nothing, Nanoseconds acceptable_age) const;
  HttpResponse livez() const;
  HttpResponse readyz() const;
  HttpResponse index() const;

  SnapshotStore& store_;
  const Health& health_;
  const Clock& clock_;
  const BuildInfo build_;
  const Nanoseconds base_;
  const Nanoseconds history_;
  const Nanoseconds patience_;  ///< for a snapshot that was asked for
  const Logger logger_;
  std::mutex options_lock_;  ///< guards options_; the sampler's thread changes them
  MetricsOptions options_;
  std::mutex dropped_lock_;  ///< guards what is below, among HTTP threads only
  std::uint64_t dropped_so_far_ = 0;
  SeriesWarner warner_;
};

}  // namespace throttlelens
