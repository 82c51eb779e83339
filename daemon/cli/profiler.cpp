// SPDX-License-Identifier: Apache-2.0
#include "profiler.h"

#include <utility>

#include "cli/source_choice.h"
#include "probe/plan.h"

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
          .exclude = config.cgroup.exclude};
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
      timeline_(timeline_options(config)),
      accounts_(accounts_options(config)) {}

Profiler::Step Profiler::step(MonoTime now) {
  Step result;
  auto changes = tree_->changes();
  if (!changes) result.errors.push_back(changes.error());
  result.warnings = tree_->take_warnings();
  // A tree that cannot be read must not stop the windows of the cgroups already known.
  const auto batches = source_->collect(now, changes ? *changes : TreeChanges{});
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
  for (const CgroupKey key : accounts_.take_ended(now)) timeline_.forget(key);
  return result;
}

std::shared_ptr<const Snapshot> Profiler::snapshot(MonoTime now) const {
  return accounts_.snapshot(timeline_.read(), source_->info(), now);
}

void Profiler::set_filters(std::vector<std::string> include, std::vector<std::string> exclude) {
  accounts_.set_filters(std::move(include), std::move(exclude));
}

}  // namespace throttlelens
