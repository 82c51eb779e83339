// SPDX-License-Identifier: Apache-2.0
#include "container_view.h"

#include <algorithm>
#include <utility>

namespace throttlelens::test {

using namespace std::chrono_literals;

ContainerView::ContainerView(IdentityOptions names)
    : options_{.base = 100ms,
               .reported = {100ms, 1s, 5s},
               .include = {},
               .exclude = {},
               .keep_dead = 60s},
      identities_(std::move(names)),
      timeline_({.base = options_.base, .reported = options_.reported}),
      accounts_(options_),
      observer_({.base = options_.base, .max_cgroups = 4096}, this) {}

void ContainerView::changed(CgroupTree& tree, const TreeChanges& changes, MonoTime now) {
  const auto weigh = [&](CgroupKey key) {
    if (const auto weight = tree.weight(key)) accounts_.set_weight(key, *weight);
  };
  const std::vector<Identified> identified = identities_.update(changes, now);
  accounts_.identify(identified, changes.gone, now + skipped_);
  for (const Identified& one : identified) weigh(one.key);
  for (const CgroupKey key : changes.weights_changed) {
    if (accounts_.is_container(key)) weigh(key);
  }
}

void ContainerView::collected(const std::vector<WindowBatch>& batches, MonoTime now) {
  for (const WindowBatch& batch : batches) {
    timeline_.apply(batch);
    accounts_.apply(batch, now + skipped_);
    take_snapshot(now);  // of every window, for the record
  }
  end_rows(now);
  take_snapshot(now);
}

void ContainerView::end_rows(MonoTime now) {
  const auto last = [this](CgroupKey key) { return timeline_.read(key); };
  for (const CgroupKey key : accounts_.take_ended(now + skipped_, last)) timeline_.forget(key);
}

void ContainerView::take_snapshot(MonoTime now) {
  snapshot_ = accounts_.snapshot(timeline_.read(), {}, ProbeInfo{}, identities_.errors(), now);
  for (const ContainerRow& row : snapshot_->containers) remember(row.cpu);
  for (const PodRow& row : snapshot_->pods) remember(row.cpu);
}

void ContainerView::remember(const CgroupRow& row) {
  const auto [known, is_new] = shown_.try_emplace(*row.path);
  if (is_new) known->second.since = snapshot_->last_window;
  if (const auto& last = row.windows.front().last) {
    known->second.windows[snapshot_->last_window] = *last;
  }
}

const ContainerRow* ContainerView::container(const std::string& pod_namespace,
                                             const std::string& pod,
                                             const std::string& name) const {
  const auto found = std::ranges::find_if(snapshot_->containers, [&](const ContainerRow& row) {
    return row.identity->pod_namespace == pod_namespace && row.identity->pod == pod &&
           row.identity->container == name;
  });
  return found == snapshot_->containers.end() ? nullptr : &*found;
}

const PodRow* ContainerView::pod(const std::string& pod_namespace, const std::string& pod) const {
  const auto found = std::ranges::find_if(snapshot_->pods, [&](const PodRow& row) {
    return row.pod_namespace == pod_namespace && row.pod == pod;
  });
  return found == snapshot_->pods.end() ? nullptr : &*found;
}

Nanoseconds ContainerView::ended(const std::string& pod_namespace) const {
  const auto found = std::ranges::find(snapshot_->ended, pod_namespace, &EndedUsage::pod_namespace);
  return found == snapshot_->ended.end() ? 0ns : found->usage;
}

const ContainerView::Shown& ContainerView::shown(const std::string& path) const {
  static const Shown nothing;
  const auto found = shown_.find(path);
  return found == shown_.end() ? nothing : found->second;
}

bool ContainerView::becomes_true_within(Nanoseconds time, const std::function<bool()>& condition) {
  const MonoTime end = observer_.clock().now() + time;
  bool met = false;
  observer_.run_until([&] {
    const MonoTime now = observer_.clock().now();
    met = met || (now <= end && condition());
    return met || now > end;
  });
  return met;
}

void ContainerView::let_dead_rows_end() {
  skipped_ += options_.keep_dead;
  const MonoTime now = observer_.clock().now();
  end_rows(now);
  take_snapshot(now);
}

}  // namespace throttlelens::test
