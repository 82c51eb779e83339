// SPDX-License-Identifier: Apache-2.0
// One prometheus-cpp metric family under construction; name, type and help come from the catalogue
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/metric_family.h>

#include "model/snapshot.h"
#include "model/waits.h"

namespace throttlelens {

using Labels = std::vector<prometheus::ClientMetric::Label>;
using TakeFamily = std::function<void(prometheus::MetricFamily&&)>;

class Family {
 public:
  explicit Family(std::string_view name);

  void reserve(std::size_t samples) { family_.metric.reserve(samples); }
  void add(Labels labels, std::optional<double> value);
  void add(Labels labels, const LimitRatioHistogram& ratios);
  /// In seconds.
  void add(Labels labels, const DurationHistogram& durations);
  /// Nothing if it has no samples.
  void give(const TakeFamily& take);

 private:
  prometheus::ClientMetric& append(Labels labels);
  /// `counts`: not cumulative, one more than `bounds`.
  void add_histogram(Labels labels, std::span<const double> bounds,
                     std::span<const std::uint64_t> counts, double sum);

  prometheus::MetricFamily family_;
};

}  // namespace throttlelens
