// SPDX-License-Identifier: Apache-2.0
#include "bandwidth_reader.h"

#include <algorithm>

namespace throttlelens {

namespace {
Nanoseconds nanoseconds(tl_u64 value) {
  return Nanoseconds(static_cast<std::int64_t>(value));
}
}  // namespace

Bandwidth to_bandwidth(const tl_bandwidth& raw) {
  Bandwidth value;
  if (raw.quota_ns != TL_UNLIMITED && raw.period_ns > 0) {
    value.limit = CpuLimit{.quota = nanoseconds(raw.quota_ns),
                           .period = nanoseconds(raw.period_ns),
                           .burst = nanoseconds(raw.burst_ns)};
  }
  value.nr_periods = raw.nr_periods;
  value.nr_throttled = raw.nr_throttled;
  value.throttled_time = nanoseconds(raw.throttled_ns);
  if (raw.has_burst_counters != 0) {
    value.nr_bursts = raw.nr_burst;
    value.burst_time = nanoseconds(raw.burst_time_ns);
  }
  return value;
}

Result<void> read_bandwidths(BpfPrograms& programs, const std::vector<GroupTable::GroupPtr>& groups,
                             std::vector<BandwidthSample>& changed) {
  const auto requests = programs.requests();
  std::vector<Group*> asked;
  asked.reserve(requests.size());
  const auto flush = [&]() -> Result<void> {
    if (auto done = programs.answer_requests(asked.size()); !done) return done;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (requests[i].valid == 0) continue;
      const Bandwidth value = to_bandwidth(requests[i]);
      if (asked[i]->bandwidth == value) continue;
      asked[i]->bandwidth = value;
      changed.push_back({asked[i]->key, value});
    }
    asked.clear();
    return {};
  };
  for (const auto& group : groups) {
    if (group->serial == 0 || !group->parent) continue;  // the root has no bandwidth control
    requests[asked.size()].serial = group->serial;
    requests[asked.size()].slot = group->slot;
    asked.push_back(group.get());
    if (asked.size() == requests.size()) {
      if (auto done = flush(); !done) return done;
    }
  }
  return asked.empty() ? Result<void>{} : flush();
}

}  // namespace throttlelens
