// SPDX-License-Identifier: Apache-2.0
// The source for machines where BPF is not permitted: reads every counter once a window and cuts
// the use between two readings at the window's edge. A reading counts as taken at the `now` it is
// given; the order of reading stays the same, so what that is off by cancels out.
#include <algorithm>
#include <cerrno>
#include <unordered_map>
#include <utility>

#include <unistd.h>

#include "cpustat_series.h"
#include "probe/source.h"

namespace throttlelens {
namespace {

// On v1 the directories of one cgroup are made one after the other: polls to wait for the one
// that counts, before telling of a cgroup without usage. Later only every kRareRetry-th poll.
constexpr std::uint32_t kGrace = 10;
constexpr std::uint32_t kRareRetry = 64;

class CpustatSource final : public Source {
 public:
  CpustatSource(const SourceOptions& options, ProbeInfo info, CgroupCounters& counters)
      : base_(std::max(options.base, Nanoseconds(1))),
        max_cgroups_(options.max_cgroups),
        info_(std::move(info)),
        counters_(counters) {
    info_.tier = "cpustat";
  }

  ProbeInfo info() const override { return info_; }
  Result<std::vector<WindowBatch>> collect(MonoTime now, const TreeChanges& tree) override;

 private:
  struct Departed {
    CgroupKey key;
    Nanoseconds rest;  ///< read, but not handed on
    bool blurred = false;
  };

  MonoTime edge_time(std::uint64_t edge) const {
    return {base_ * static_cast<Nanoseconds::rep>(edge)};
  }
  void apply(const TreeChanges& tree);
  void add(const CgroupNode& node);
  void remove(CgroupKey key);
  void first_poll(MonoTime now);
  bool too_far_apart(const PollSpan& span, std::uint64_t windows) const;
  std::vector<WindowBatch> make_batches(const PollSpan& span, std::uint64_t passed);
  std::optional<Nanoseconds> read_usage(CpustatSeries& series, MonoTime now, bool edge_passed);
  void poll(CpustatSeries& series, MonoTime now, bool start, std::vector<WindowBatch>& batches);
  void hand_on(CpustatSeries& series, const PollSpan& span, Nanoseconds usage,
               std::vector<WindowBatch>& batches);
  void poll_bandwidth(CpustatSeries& series, bool is_there, WindowBatch& batch);
  void announce(WindowBatch& batch);
  void announce_one(CpustatSeries& series, WindowBatch& batch);
  void tell_departed(WindowBatch& batch);
  void tell_unknown(std::vector<WindowBatch>& batches) const;
  CpustatSeries* find(CgroupKey key);

  Nanoseconds base_;
  std::uint32_t max_cgroups_;
  ProbeInfo info_;
  CgroupCounters& counters_;

  std::vector<CpustatSeries> series_;
  std::unordered_map<CgroupKey, std::size_t> index_;
  std::vector<CgroupKey> unannounced_;  ///< in the order they appeared
  std::vector<CgroupNode> deferred_;    ///< keys whose end is not told yet
  std::vector<Departed> departed_;
  SourceLosses losses_;
  std::uint32_t cpus_ = 1;
  std::size_t last_use_size_ = 0;

  bool polled_ = false;
  MonoTime polled_at_;
  std::uint64_t edge_ = 0;  ///< the next one to pass
  bool started_ = false;    ///< the first window's start was passed
};

CpustatSeries* CpustatSource::find(CgroupKey key) {
  const auto it = index_.find(key);
  return it == index_.end() ? nullptr : &series_[it->second];
}

Result<std::vector<WindowBatch>> CpustatSource::collect(MonoTime now, const TreeChanges& tree) {
  apply(tree);
  const long cpus = ::sysconf(_SC_NPROCESSORS_ONLN);
  cpus_ = cpus > 0 ? static_cast<std::uint32_t>(cpus) : 1;
  if (!polled_) {
    first_poll(now);
    return std::vector<WindowBatch>();
  }
  if (now <= polled_at_) return std::vector<WindowBatch>();

  const PollSpan span{.from = polled_at_, .to = now};
  const auto last_edge = static_cast<std::uint64_t>(now.since_boot / base_);
  const std::uint64_t passed = last_edge < edge_ ? 0 : last_edge - edge_ + 1;
  const bool start = !started_ && passed > 0;
  std::vector<WindowBatch> batches = make_batches(span, passed);
  for (CpustatSeries& series : series_) poll(series, now, start, batches);
  polled_at_ = now;
  edge_ += passed;
  started_ = started_ || start;
  if (batches.empty()) return batches;

  announce(batches.front());
  tell_departed(batches.front());
  tell_unknown(batches);
  last_use_size_ = batches.back().use.size();
  return batches;
}

void CpustatSource::apply(const TreeChanges& tree) {
  for (const CgroupKey key : tree.gone) {
    std::erase_if(deferred_, [key](const CgroupNode& node) { return node.key == key; });
    remove(key);
  }
  for (const CgroupNode& node : std::exchange(deferred_, {})) add(node);
  for (const CgroupNode& node : tree.appeared) add(node);
  for (const CgroupKey key : tree.limits_changed) {
    if (CpustatSeries* series = find(key)) series->bandwidth_due = true;
  }
}

void CpustatSource::add(const CgroupNode& node) {
  if (index_.contains(node.key)) return;
  // A renamed cgroup comes back under its key; its end has to be told first.
  if (std::ranges::any_of(departed_, [&](const Departed& d) { return d.key == node.key; })) {
    deferred_.push_back(node);
    return;
  }
  if (series_.size() >= max_cgroups_) {
    ++losses_.dropped_cgroups;
    return;
  }
  CpustatSeries series;
  series.key = node.key;
  series.parent = node.parent;
  series.path = node.path;
  series.newborn = polled_;
  series.born_after = series.polled_at = polled_at_;
  index_.emplace(node.key, series_.size());
  series_.push_back(std::move(series));
  unannounced_.push_back(node.key);
}

void CpustatSource::remove(CgroupKey key) {
  const auto it = index_.find(key);
  if (it == index_.end()) return;
  const CpustatSeries& series = series_[it->second];
  if (series.announced) {
    departed_.push_back(
        {.key = key, .rest = series.polled - series.handed, .blurred = series.blurred});
  } else {
    std::erase(unannounced_, key);
  }
  const std::size_t place = it->second;
  index_.erase(it);
  if (place + 1 != series_.size()) {
    series_[place] = std::move(series_.back());
    index_[series_[place].key] = place;
  }
  series_.pop_back();
}

void CpustatSource::first_poll(MonoTime now) {
  polled_ = true;
  polled_at_ = now;
  edge_ = static_cast<std::uint64_t>(now.since_boot / base_);
  started_ = edge_time(edge_) == now;
  ++edge_;
  for (CpustatSeries& series : series_) {
    if (auto usage = counters_.usage(series.key)) {
      series.take(*usage, Nanoseconds(0));
      series.polled_at = now;
      series.blurred = false;  // the first window is yet to begin
    } else {
      ++series.failed_reads;
      series.blurred = true;
    }
  }
}

// Two windows may end between readings one and a bit apart, when a late one is followed by one in
// time: each edge is near a reading then.
bool CpustatSource::too_far_apart(const PollSpan& span, std::uint64_t windows) const {
  const Nanoseconds apart = span.to - span.from;
  return apart >= 2 * base_ || (windows > 1 && 2 * apart >= 3 * base_);
}

// One batch a window where the polls say what belongs to which, otherwise one gap over them all.
std::vector<WindowBatch> CpustatSource::make_batches(const PollSpan& span, std::uint64_t passed) {
  const std::uint64_t windows = started_ || passed == 0 ? passed : passed - 1;
  if (windows == 0) return {};
  const std::uint64_t first = started_ ? edge_ - 1 : edge_;
  const bool late = too_far_apart(span, windows);
  std::vector<WindowBatch> batches(late ? 1 : windows);
  if (late) losses_.missed_windows += windows;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    batches[i].first = first + i;
    batches[i].missed = late;
    batches[i].count = late ? static_cast<std::uint32_t>(windows) : 1;
    batches[i].node.cpus_online = cpus_;
    batches[i].losses = losses_;
    batches[i].use.reserve(last_use_size_ + last_use_size_ / 8);
  }
  return batches;
}

// Absent when the counter could not be read; where that leaves an edge without a value, notes it.
std::optional<Nanoseconds> CpustatSource::read_usage(CpustatSeries& series, MonoTime now,
                                                     bool edge_passed) {
  const bool rare = !series.counting && series.failed_reads > kGrace;
  if (rare && ++series.failed_reads % kRareRetry != 0) {
    series.blurred = true;
    return std::nullopt;
  }
  const auto reading = counters_.usage(series.key);
  if (reading) {
    const Nanoseconds since_born = now - series.born_after + base_;
    return series.take(*reading, since_born * static_cast<Nanoseconds::rep>(cpus_));
  }
  if (!series.counting && !rare) ++series.failed_reads;
  if (!series.counting && series.newborn && !rare && reading.error().code == ENOENT) {
    series.polled_at = now;  // nothing counts its use yet, so there was none
  } else if (edge_passed) {
    series.blurred = true;
  }
  return std::nullopt;
}

void CpustatSource::poll(CpustatSeries& series, MonoTime now, bool start,
                         std::vector<WindowBatch>& batches) {
  const auto usage = read_usage(series, now, start || !batches.empty());
  series.windows_known = !series.blurred;
  if (usage) {
    const PollSpan span{.from = series.polled_at, .to = now};
    if (start && !series.blurred) series.start_at(edge_time(edge_), span, *usage);
    hand_on(series, span, *usage, batches);
    series.polled = *usage;
    series.polled_at = now;
  }
  // Right after the usage, because on v2 one reading of one file has both.
  if (!batches.empty() && (series.counting || series.announced)) {
    poll_bandwidth(series, usage.has_value(), batches.back());
  }
}

void CpustatSource::hand_on(CpustatSeries& series, const PollSpan& span, Nanoseconds usage,
                            std::vector<WindowBatch>& batches) {
  for (WindowBatch& batch : batches) {
    const MonoTime end = edge_time(batch.first + batch.count);
    const Nanoseconds used = series.hand_on(end, span, usage);
    // Its own readings may be further apart than the polls.
    const bool known = !series.blurred && (batch.missed || !too_far_apart(span, batches.size()));
    series.windows_known = known;
    if (series.parent.id == 0 && known) batch.node.busy = used;
    if (used.count() == 0) continue;
    if (known) {
      batch.use.push_back({.key = series.key, .used = used});
    } else {
      batch.corrections.push_back({.key = series.key, .missed = used});
    }
  }
  if (!batches.empty()) series.blurred = false;
}

// Without a limit the kernel counts nothing: one reading is enough until a limit file is written.
void CpustatSource::poll_bandwidth(CpustatSeries& series, bool is_there, WindowBatch& batch) {
  const bool limited = series.bandwidth && series.bandwidth->limit;
  if (series.parent.id == 0 || !(series.bandwidth_due || limited)) return;
  auto value = counters_.bandwidth(series.key);
  if (!value) {
    const bool none = value.error().code == ENOENT;
    // It was there before: the controller was switched off, or the whole cgroup removed.
    const bool lost = none && series.bandwidth;
    series.bandwidth_due = !none || (lost && !is_there);
    if (lost && is_there) {
      batch.bandwidth.push_back({.key = series.key, .value = std::nullopt});
      series.bandwidth.reset();
    }
    return;
  }
  series.bandwidth_due = false;
  if (series.bandwidth == *value) return;
  series.bandwidth = *value;
  batch.bandwidth.push_back({.key = series.key, .value = *value});
}

void CpustatSource::announce(WindowBatch& batch) {
  if (unannounced_.empty()) return;
  for (const CgroupKey key : unannounced_) {
    CpustatSeries* series = find(key);
    const bool waiting = !series->counting && series->newborn && series->failed_reads <= kGrace;
    if (!waiting) announce_one(*series, batch);
  }
  std::erase_if(unannounced_, [this](CgroupKey key) { return find(key)->announced; });
}

void CpustatSource::announce_one(CpustatSeries& series, WindowBatch& batch) {
  if (std::exchange(series.announced, true)) return;
  if (CpustatSeries* parent = find(series.parent)) {
    // It could not be read a moment before its child could: it is only just complete.
    if (!parent->announced && !parent->counting && parent->newborn) {
      parent->before = Nanoseconds(0);
    }
    announce_one(*parent, batch);
  }
  batch.appeared.push_back({.key = series.key,
                            .parent = series.parent,
                            .path = series.path,
                            .usage_before = series.before});
}

void CpustatSource::tell_departed(WindowBatch& batch) {
  for (const Departed& departed : std::exchange(departed_, {})) {
    if (departed.blurred) {
      batch.corrections.push_back({.key = departed.key, .missed = departed.rest});
      batch.unknown.push_back(departed.key);
    } else if (departed.rest.count() > 0) {
      batch.use.push_back({.key = departed.key, .used = departed.rest});
    }
    batch.gone.push_back(departed.key);
  }
}

void CpustatSource::tell_unknown(std::vector<WindowBatch>& batches) const {
  for (const CpustatSeries& series : series_) {
    const bool known = series.windows_known && (series.counting || series.before);
    if (known || !series.announced) continue;
    for (WindowBatch& batch : batches) {
      if (!batch.missed) batch.unknown.push_back(series.key);
    }
  }
}

}  // namespace

std::unique_ptr<Source> make_cpustat_source(const SourceOptions& options, ProbeInfo info,
                                            CgroupCounters& counters) {
  return std::make_unique<CpustatSource>(options, std::move(info), counters);
}

}  // namespace throttlelens
