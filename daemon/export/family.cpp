// SPDX-License-Identifier: Apache-2.0
#include "family.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "export/catalogue.h"

namespace throttlelens {

using prometheus::ClientMetric;
using prometheus::MetricType;

Family::Family(std::string_view name) {
  const auto all = metric_catalogue();
  const auto entry =
      std::ranges::find_if(all, [name](const MetricEntry& e) { return e.name == name; });
  family_.name = name;
  if (entry == all.end()) return;
  family_.help = entry->help;
  family_.type = entry->kind == MetricKind::counter ? MetricType::Counter
                 : entry->kind == MetricKind::gauge ? MetricType::Gauge
                                                    : MetricType::Histogram;
}

void Family::add(Labels labels, std::optional<double> value) {
  if (!value) return;
  ClientMetric& metric = append(std::move(labels));
  (family_.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = *value;
}

void Family::add(Labels labels, const LimitRatioHistogram& ratios) {
  add_histogram(std::move(labels), kLimitRatioBounds, ratios.buckets, ratios.sum);
}

void Family::add(Labels labels, const DurationHistogram& durations) {
  static constexpr auto kSeconds = [] {
    std::array<double, kDurationBounds.size()> bounds{};
    std::ranges::transform(kDurationBounds, bounds.begin(), to_seconds);
    return bounds;
  }();
  add_histogram(std::move(labels), kSeconds, durations.buckets, to_seconds(durations.sum));
}

void Family::add_histogram(Labels labels, std::span<const double> bounds,
                           std::span<const std::uint64_t> counts, double sum) {
  ClientMetric::Histogram& histogram = append(std::move(labels)).histogram;
  histogram.sample_sum = sum;
  histogram.bucket.reserve(counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    histogram.sample_count += counts[i];
    histogram.bucket.push_back(
        {histogram.sample_count,
         i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity()});
  }
}

void Family::give(const TakeFamily& take) {
  if (!family_.metric.empty()) take(std::move(family_));
}

ClientMetric& Family::append(Labels labels) {
  ClientMetric& metric = family_.metric.emplace_back();
  metric.label = std::move(labels);
  return metric;
}

}  // namespace throttlelens
