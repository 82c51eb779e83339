// SPDX-License-Identifier: Apache-2.0
// Every metric as data: the exporter, `throttlelens metrics` and the documentation read this table.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace throttlelens {

enum class MetricKind { counter, gauge, histogram };

struct MetricEntry {
  std::string_view name;  ///< with the prefix throttlelens_
  MetricKind kind;
  std::string_view labels;  ///< comma separated, in order
  std::string_view help;    ///< one line: meaning and unit
  std::string_view source;  ///< kernel field or file the value comes from
  std::string_view tiers;   ///< "bpf, cpustat" or "bpf"
};

std::span<const MetricEntry> metric_catalogue();
std::string catalogue_markdown();
std::string catalogue_json();

}  // namespace throttlelens
