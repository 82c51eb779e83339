// SPDX-License-Identifier: Apache-2.0
#include "hidden_families.h"

#include <algorithm>
#include <iterator>

#include <fnmatch.h>

#include "export/catalogue.h"
#include "export/metrics.h"

namespace throttlelens {

namespace {

bool matches(const std::string& glob, const MetricEntry& entry) {
  return ::fnmatch(glob.c_str(), std::string(entry.name).c_str(), 0) == 0;
}

}  // namespace

std::vector<std::string> globs_without_metric(std::span<const std::string> globs) {
  std::vector<std::string> out;
  std::ranges::copy_if(globs, std::back_inserter(out), [](const std::string& glob) {
    return std::ranges::none_of(metric_catalogue(),
                                [&glob](const MetricEntry& entry) { return matches(glob, entry); });
  });
  return out;
}

HiddenFamilies::HiddenFamilies(std::span<const std::string> globs) {
  if (globs.empty()) return;
  for (const MetricEntry& entry : metric_catalogue()) {
    if (std::ranges::any_of(globs, [&](const std::string& glob) { return matches(glob, entry); })) {
      names_.push_back(entry.name);
    }
  }
  containers_ = flags(kContainerPrefix);
  cgroups_ = flags(kCgroupPrefix);
}

bool HiddenFamilies::hides(std::string_view family) const {
  return std::ranges::find(names_, family) != names_.end();
}

HiddenFamilies::RowFlags HiddenFamilies::flags(std::string_view prefix) const {
  RowFlags out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = hides(std::string(prefix).append(kRowFamilies[i].suffix));
  }
  return out;
}

std::uint64_t HiddenFamilies::count(const CgroupRow& row, const RowFlags& hidden) {
  std::uint64_t series = 0;
  for (std::size_t i = 0; i < hidden.size(); ++i) {
    if (!hidden[i]) series += series_count(row, kRowFamilies[i]);
  }
  return series;
}

}  // namespace throttlelens
