// SPDX-License-Identifier: Apache-2.0
// Every metric as data: the exporter, `throttlelens metrics` and the documentation read this table.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace throttlelens {

enum class MetricKind { counter, gauge, histogram };

/// Tiers that know a metric.
inline constexpr std::string_view kAllTiers = "bpf, cpustat";
inline constexpr std::string_view kBpfTier = "bpf";

struct MetricEntry {
  std::string_view name;  ///< as exposed; process_* have no prefix, by Prometheus convention
  MetricKind kind = MetricKind::gauge;
  /// Comma separated, in order. An empty one is left out of the sample, except namespace and pod.
  std::string_view labels;
  std::string_view help;    ///< one line: meaning and unit
  std::string_view source;  ///< kernel field or file the value comes from
  std::string_view tiers;   ///< kAllTiers or kBpfTier
};

/// In the order in which families are exposed.
std::span<const MetricEntry> metric_catalogue();
/// "counter", "gauge" or "histogram".
std::string_view to_string(MetricKind kind);
std::string catalogue_markdown();
/// {"schema_version": 1, "metrics": [{name, type, labels, help, source, tiers}]}
std::string catalogue_json();

}  // namespace throttlelens
