// SPDX-License-Identifier: Apache-2.0
#include "request.h"

#include <algorithm>
#include <cmath>

namespace throttlelens::accounts {
namespace {

constexpr std::uint64_t kLeastShares = 2;
constexpr std::uint64_t kMostShares = 262144;
constexpr std::uint64_t kMostWeight = 10000;
constexpr double kSharesPerCore = 1024;

// Chosen by runc 1.3.2 and crun 1.23 so that 1, 100 and 10000 are the images of the least, the
// default and the most shares.
constexpr double kLogLinear = 125;
constexpr double kLogScale = 612;
constexpr double kLogOffset = 7.0 / 34.0;

double shares_behind(std::uint64_t weight, WeightMapping mapping) {
  const auto w = static_cast<double>(std::clamp<std::uint64_t>(weight, 1, kMostWeight));
  if (mapping == WeightMapping::linear) {
    return static_cast<double>(kLeastShares) + (w - 1) *
                                                   static_cast<double>(kMostShares - kLeastShares) /
                                                   static_cast<double>(kMostWeight - 1);
  }
  const double c = kLogScale * (std::log10(w) + kLogOffset);
  return std::exp2((std::sqrt(kLogLinear * kLogLinear + 4 * c) - kLogLinear) / 2);
}

std::optional<CpuRequest> from_shares(double shares, const char* source) {
  if (shares <= static_cast<double>(kLeastShares)) return std::nullopt;
  return CpuRequest{.cores = shares / kSharesPerCore, .source = source};
}

}  // namespace

std::uint64_t weight_of(std::uint64_t shares, WeightMapping mapping) {
  const std::uint64_t s = std::clamp(shares, kLeastShares, kMostShares);
  if (mapping == WeightMapping::linear) {
    return 1 + (s - kLeastShares) * (kMostWeight - 1) / (kMostShares - kLeastShares);
  }
  if (s == kLeastShares) return 1;
  if (s == kMostShares) return kMostWeight;
  const double l = std::log2(static_cast<double>(s));
  return static_cast<std::uint64_t>(
      std::ceil(std::pow(10, (l * l + kLogLinear * l) / kLogScale - kLogOffset)));
}

std::optional<WeightMapping> mapping_of(std::uint64_t shares, std::uint64_t weight) {
  // What the kernel gives before the runtime writes says nothing.
  constexpr std::uint64_t kDefaultWeight = 100;
  if (weight == kDefaultWeight) return std::nullopt;
  const bool linear = weight_of(shares, WeightMapping::linear) == weight;
  const bool log = weight_of(shares, WeightMapping::log) == weight;
  if (linear == log) return std::nullopt;
  return linear ? WeightMapping::linear : WeightMapping::log;
}

std::optional<CpuRequest> request_of(const RequestInput& input) {
  const std::uint64_t asked = input.shares.value_or(0);
  // Everything has a weight; only where somebody set it does it stand for a request.
  if (asked == 0 && !input.kubernetes) return std::nullopt;
  if (!input.weight) return from_shares(static_cast<double>(asked), "bundle");
  const std::uint64_t live = input.weight->value;
  if (input.weight->scale == CpuWeight::Scale::shares) {
    return from_shares(static_cast<double>(live), "shares");
  }
  for (const WeightMapping mapping : {WeightMapping::linear, WeightMapping::log}) {
    if (input.mapping.value_or(mapping) != mapping) continue;
    if (asked != 0 && weight_of(asked, mapping) == live) {
      return from_shares(static_cast<double>(asked), "shares");
    }
  }
  if (live <= 1) return std::nullopt;
  const WeightMapping mapping = input.mapping.value_or(WeightMapping::linear);
  return from_shares(shares_behind(live, mapping),
                     mapping == WeightMapping::linear ? "weight_linear" : "weight_log");
}

}  // namespace throttlelens::accounts
