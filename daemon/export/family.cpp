// SPDX-License-Identifier: Apache-2.0
#include "family.h"

#include <algorithm>
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
  ClientMetric::Histogram& histogram = append(std::move(labels)).histogram;
  histogram.sample_sum = ratios.sum;
  histogram.bucket.reserve(ratios.buckets.size());
  for (std::size_t i = 0; i < ratios.buckets.size(); ++i) {
    histogram.sample_count += ratios.buckets[i];
    histogram.bucket.push_back(
        {histogram.sample_count, i < kLimitRatioBounds.size()
                                     ? kLimitRatioBounds[i]
                                     : std::numeric_limits<double>::infinity()});
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
