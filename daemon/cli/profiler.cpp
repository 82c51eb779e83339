// SPDX-License-Identifier: Apache-2.0
#include "profiler.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "cli/source_choice.h"
#include "probe/plan.h"
#include "settings.h"

namespace throttlelens {
namespace {

TimelineOptions timeline_options(const Config& config) {
  return {.base = config.windows.base,
          .reported = config.windows.reported,
          .history = config.windows.history};
}

AccountsOptions accounts_options(const Config& config) {
  return {.base = config.windows.base,
          .reported = config.windows.reported,
          .include = config.cgroup.include,
          .exclude = config.cgroup.exclude,
          .keep_dead = config.limits.keep_ended,
          .max_dead = config.limits.max_cgroups};
}

}  // namespace

Result<std::unique_ptr<Profiler>> Profiler::create(const Config& config) {
  auto tree = CgroupTree::open({.root = config.cgroup.root});
  if (!tree) return std::unexpected(tree.error());

  const Features features = detect_features();
  const auto choice = choose_source(config.probe.mode, make_plan(features));
  if (!choice) return std::unexpected(choice.error());
  const ProbeInfo info{.tier = {},
                       .reason = {},
                       .kernel = features.kernel,
                       .cgroup_mode = to_string((*tree)->mode())};
  auto source =
      make_source(*choice, {.base = config.windows.base, .max_cgroups = config.limits.max_cgroups},
                  info, **tree);
  if (!source) return std::unexpected(source.error());
  return std::unique_ptr<Profiler>(new Profiler(config, std::move(*tree), std::move(*source)));
}

Profiler::Profiler(const Config& config, std::unique_ptr<CgroupTree> tree,
                   std::unique_ptr<Source> source)
    : tree_(std::move(tree)),
      source_(std::move(source)),
      identities_(identity_options(config.runtimes)),
      timeline_(timeline_options(config)),
      accounts_(accounts_options(config)) {}

Profiler::Step Profiler::step(MonoTime now) {
  Step result;
  auto changes = tree_->changes();
  if (!changes) result.errors.push_back(changes.error());
  const TreeChanges tree = changes ? *std::move(changes) : TreeChanges{};
  name_containers(tree, now);
  result.warnings = tree_->take_warnings();
  std::ranges::move(identities_.take_warnings(), std::back_inserter(result.warnings));
  // A tree that cannot be read must not stop the windows of the cgroups already known.
  const auto batches = source_->collect(now, tree);
  if (!batches) {
    result.errors.push_back(batches.error());
    return result;
  }
  result.collected = true;
  result.batches = batches->size();
  for (const WindowBatch& batch : *batches) {
    timeline_.apply(batch);
    accounts_.apply(batch, now);
    ready_ = ready_ || !batch.missed;
  }
  const auto last = [this](CgroupKey key) { return timeline_.read(key); };
  for (const CgroupKey key : accounts_.take_ended(now, last)) timeline_.forget(key);
  return result;
}

void Profiler::name_containers(const TreeChanges& changes, MonoTime now) {
  const auto weigh = [this](CgroupKey key) {
    // It may be gone by now, and without the controller there is none.
    if (const auto weight = tree_->weight(key)) accounts_.set_weight(key, *weight);
  };
  const std::vector<Identified> identified = identities_.update(changes, now);
  accounts_.identify(identified, changes.gone, now);
  for (const Identified& one : identified) weigh(one.key);
  for (const CgroupKey key : changes.weights_changed) {
    if (accounts_.is_container(key)) weigh(key);
  }
}

std::shared_ptr<const Snapshot> Profiler::snapshot(MonoTime now) {
  return accounts_.snapshot(timeline_.read(), {}, source_->info(), identities_.errors(), now);
}

void Profiler::reconfigure(const Config& config) {
  accounts_.set_filters(config.cgroup.include, config.cgroup.exclude);
  accounts_.set_keep_dead(config.limits.keep_ended);
}

}  // namespace throttlelens
