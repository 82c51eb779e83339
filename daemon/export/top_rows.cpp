// SPDX-License-Identifier: Apache-2.0
#include "top_rows.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "sums.h"

namespace throttlelens {

namespace {

struct ThrottleDelta {
  std::uint64_t periods = 0;
  std::uint64_t throttled = 0;
  Nanoseconds time{0};
};

/// Absent if a counter went backwards: then it is not the same cgroup's.
std::optional<ThrottleDelta> difference(const Bandwidth& before, const Bandwidth& now) {
  if (now.nr_periods < before.nr_periods || now.nr_throttled < before.nr_throttled ||
      now.throttled_time < before.throttled_time) {
    return std::nullopt;
  }
  return ThrottleDelta{.periods = now.nr_periods - before.nr_periods,
                       .throttled = now.nr_throttled - before.nr_throttled,
                       .time = now.throttled_time - before.throttled_time};
}

void fill_throttling(TopRow& out, const ThrottleDelta& delta, std::optional<double> seconds) {
  // No period with anything to run is no throttled period.
  out.throttled_ratio = delta.periods == 0 ? 0.0
                                           : static_cast<double>(delta.throttled) /
                                                 static_cast<double>(delta.periods);
  out.throttled_time =
      seconds ? std::chrono::duration_cast<Nanoseconds>(delta.time / *seconds) : delta.time;
}

/// What identifies a row between two snapshots: counters of containers and pods go on under their
/// names when the cgroup is another; those of other cgroups do not.
using RowId = std::tuple<CgroupKey, std::string_view, std::string_view, std::string_view>;

RowId id_of(const CgroupRow& row) {
  return {row.key, {}, {}, {}};
}
RowId id_of(const PodRow& row) {
  return {CgroupKey{}, row.pod_namespace, row.pod, {}};
}
RowId id_of(const ContainerRow& row) {
  return {CgroupKey{}, row.identity->pod_namespace, row.identity->pod, row.identity->container};
}

using Earlier = std::map<RowId, const Bandwidth*>;

Earlier earlier_bandwidths(const Snapshot& before) {
  Earlier earlier;
  const auto remember = [&earlier](const RowId& id, const CgroupRow& row) {
    if (row.bandwidth) earlier.emplace(id, &*row.bandwidth);
  };
  for (const CgroupRow& row : before.cgroups) remember(id_of(row), row);
  for (const PodRow& row : before.pods) remember(id_of(row), row.cpu);
  for (const ContainerRow& row : before.containers) {
    if (row.identity) remember(id_of(row), row.cpu);
  }
  return earlier;
}

void fill_waits(TopRow& out) {
  const WindowValue* window = longest_window(out.row->windows);
  if (window == nullptr || !window->waits || window->length.count() <= 0) return;
  const auto per_second = [seconds = to_seconds(window->length)](Nanoseconds waited) {
    return std::chrono::duration_cast<Nanoseconds>(waited / seconds);
  };
  out.quota_wait = per_second(window->waits->throttle);
  out.cpu_wait = per_second(window->waits->contention);
}

TopRow make_row(const CgroupRow& row, TopName name, const RowId& id, const Earlier* earlier,
                std::optional<double> seconds) {
  TopRow out;
  out.row = &row;
  out.name = std::move(name);
  for (const WindowValue& window : row.windows) {
    out.use.push_back(cores(window.last, window.length));
  }
  fill_waits(out);
  if (!row.windows.empty()) out.peak = cores(row.windows[0].peak, row.windows[0].length);
  if (!row.bandwidth) return out;
  const Bandwidth& bandwidth = *row.bandwidth;
  if (bandwidth.limit && bandwidth.limit->period.count() > 0) out.limit = bandwidth.limit->cores();
  if (!bandwidth.limit && bandwidth.nr_periods == 0) return out;
  if (earlier == nullptr) {
    fill_throttling(out,
                    {.periods = bandwidth.nr_periods,
                     .throttled = bandwidth.nr_throttled,
                     .time = bandwidth.throttled_time},
                    std::nullopt);
    return out;
  }
  const auto found = earlier->find(id);
  if (found == earlier->end() || !seconds) return out;
  if (const auto delta = difference(*found->second, bandwidth)) {
    fill_throttling(out, *delta, seconds);
  }
  return out;
}

std::optional<Nanoseconds> waited(const TopRow& row) {
  if (!row.quota_wait || !row.cpu_wait) return std::nullopt;
  return *row.quota_wait + *row.cpu_wait;
}

/// Negative if `a` comes first.
int compare(const TopRow& a, const TopRow& b, TopOrder order, std::size_t window) {
  const auto use = [window](const TopRow& row) {
    return window < row.use.size() ? row.use[window] : std::nullopt;
  };
  switch (order) {
    case TopOrder::why:
      return compare_held_back(*a.row, *b.row, window);
    case TopOrder::wait:
      return compare_descending(waited(a), waited(b));
    case TopOrder::cpu:
      return compare_descending(use(a), use(b));
    case TopOrder::peak:
      return compare_descending(a.peak, b.peak);
    case TopOrder::throttled: {
      const int by_time = compare_descending(a.throttled_time, b.throttled_time);
      return by_time != 0 ? by_time : compare_descending(a.throttled_ratio, b.throttled_ratio);
    }
    case TopOrder::overhead:
      return compare_descending(a.overhead, b.overhead);
    case TopOrder::memory:
      return compare_descending(a.memory, b.memory);
    case TopOrder::path:
      return 0;
  }
  return 0;
}

/// By names last, so that rows do not change places without a reason.
void sort_rows(std::vector<TopRow>& rows, TopOrder order, std::size_t window) {
  std::ranges::sort(rows, [&](const TopRow& a, const TopRow& b) {
    const int result = compare(a, b, order, window);
    return result != 0 ? result < 0
                       : std::tie(a.name.parts, a.name.note) < std::tie(b.name.parts, b.name.note);
  });
}

/// Whether the pod's own cgroup has anything to say beside its containers.
bool limits_cpu(const CgroupRow& pod) {
  return pod.bandwidth && (pod.bandwidth->limit || pod.bandwidth->nr_throttled > 0);
}

/// In cores, of all components that are known at both ends.
std::optional<double> overhead_between(const OverheadRow& before, const OverheadRow& now,
                                       double seconds) {
  std::optional<double> sum;
  for (std::size_t i = 0; i < kOverheadComponents; ++i) {
    // One that was not there has begun since.
    const Nanoseconds had = before.parts[i].cpu.value_or(Nanoseconds(0));
    const std::optional<Nanoseconds> has = now.parts[i].cpu;
    if (has && *has >= had) add_known(sum, std::optional(to_seconds(*has - had) / seconds));
  }
  return sum;
}

/// Finds the row of what a pod costs while rows are added.
class Collector {
 public:
  Collector(const Snapshot* before, const Snapshot& now) : before_(before), now_(now) {
    if (before == nullptr) return;
    earlier_ = earlier_bandwidths(*before);
    if (now.taken > before->taken) seconds_ = to_seconds(now.taken - before->taken);
  }

  void add(const ContainerRow& row) {
    const ContainerIdentity& who = *row.identity;
    const std::string_view own = who.pod.empty() ? std::string_view(who.container) : "";
    places_.try_emplace({who.pod_namespace, who.pod, own}, rows_.size());
    add(row.cpu, top_name(who, row.cpu.alive), id_of(row));
  }

  void add(const PodRow& row) {
    places_.insert_or_assign({row.pod_namespace, row.pod, {}}, rows_.size());
    add(row.cpu, top_name(row), id_of(row));
  }

  void add(const CgroupRow& row) { add(row, top_name(*row.path, row.alive), id_of(row)); }

  /// After containers and pods.
  void add(const OverheadRow& row) {
    const auto place = place_of(row);
    if (!place) return;
    TopRow& out = rows_[*place];
    out.memory = private_memory(row.parts);
    if (before_ == nullptr || !seconds_) return;
    const auto found = std::ranges::find(before_->overhead, row.id, &OverheadRow::id);
    if (found != before_->overhead.end()) out.overhead = overhead_between(*found, row, *seconds_);
  }

  bool empty() const { return rows_.empty(); }
  std::vector<TopRow> take() { return std::move(rows_); }

 private:
  using Owner = std::tuple<std::string_view, std::string_view, std::string_view>;

  void add(const CgroupRow& row, TopName name, const RowId& id) {
    rows_.push_back(make_row(row, std::move(name), id, earlier_ ? &*earlier_ : nullptr, seconds_));
  }

  /// A pod that has no row yet gets one, if it has a cgroup.
  std::optional<std::size_t> place_of(const OverheadRow& row) {
    const auto found = places_.find({row.pod_namespace, row.pod, row.container});
    if (found != places_.end()) return found->second;
    const auto pod = std::ranges::find_if(now_.pods, [&row](const PodRow& one) {
      return one.pod_namespace == row.pod_namespace && one.pod == row.pod;
    });
    if (pod == now_.pods.end() || row.pod.empty()) return std::nullopt;
    add(*pod);
    return rows_.size() - 1;
  }

  const Snapshot* before_;
  const Snapshot& now_;
  std::optional<Earlier> earlier_;
  std::optional<double> seconds_;
  std::map<Owner, std::size_t> places_;  ///< of the row that shows what the owner costs
  std::vector<TopRow> rows_;
};

}  // namespace

std::optional<double> cores(std::optional<Nanoseconds> used, Nanoseconds length) {
  if (!used || length.count() <= 0) return std::nullopt;
  return to_seconds(*used) / to_seconds(length);
}

std::vector<TopRow> top_rows(const Snapshot* before, const Snapshot& now, TopOrder order,
                             std::string_view filter) {
  Collector rows(before, now);
  for (const ContainerRow& row : now.containers) {
    if (row.identity) rows.add(row);
  }
  for (const PodRow& row : now.pods) {
    if (limits_cpu(row.cpu)) rows.add(row);
  }
  for (const OverheadRow& row : now.overhead) rows.add(row);
  const CgroupRow* root = nullptr;
  for (const CgroupRow& row : now.cgroups) {
    if (!row.path) continue;
    if (*row.path == "/") {
      root = &row;
    } else if (!row.holds_containers && !row.in_container) {
      rows.add(row);
    }
  }
  if (rows.empty() && root != nullptr) rows.add(*root);
  std::vector<TopRow> out = rows.take();
  std::erase_if(out, [filter](const TopRow& row) { return !row.name.contains(filter); });
  sort_rows(out, order, now_window(now));
  return out;
}

}  // namespace throttlelens
