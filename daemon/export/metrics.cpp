// SPDX-License-Identifier: Apache-2.0
#include "export/metrics.h"

#include <sstream>
#include <utility>
#include <vector>

#include <prometheus/text_serializer.h>

#include "snapshot_families.h"

namespace throttlelens {

RenderedMetrics render_metrics(const Snapshot& snapshot, const ProcessStats& process,
                               const MetricsOptions& options, std::uint64_t& dropped_so_far) {
  const SnapshotFamilies families(snapshot, process, options, dropped_so_far);
  dropped_so_far = families.dropped_so_far();
  std::ostringstream out;
  const prometheus::TextSerializer serializer;
  // One family at a time: all of them at once are several times the size of the text.
  std::vector<prometheus::MetricFamily> one(1);
  families.each([&](prometheus::MetricFamily&& family) {
    one[0] = std::move(family);
    serializer.Serialize(out, one);
  });
  return {.text = std::move(out).str(), .left_out = families.left_out()};
}

}  // namespace throttlelens
