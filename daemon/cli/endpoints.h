// SPDX-License-Identifier: Apache-2.0
// What the HTTP endpoints answer. Runs on HTTP threads; reads snapshots, never the sampler.
#pragma once

#include <atomic>
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
            const Config::Windows& windows, std::uint32_t max_series, Logger logger);

  /// The handlers refer to this object.
  HttpHandlers handlers();
  void set_max_series(std::uint32_t max_series) { max_series_.store(max_series); }

 private:
  HttpResponse metrics();
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
  std::atomic<std::uint32_t> max_series_;
  const Logger logger_;
  std::mutex dropped_lock_;  ///< guards what is below, among HTTP threads only
  std::uint64_t dropped_so_far_ = 0;
  SeriesWarner warner_;
};

}  // namespace throttlelens
