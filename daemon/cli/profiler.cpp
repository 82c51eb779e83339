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
          .max_dead = config.limits.max_cgroups,
          .marks = config.windows.history};
}

/// Without BPF, or where the kernel refuses just these programs, what /proc shows is better than
/// nothing; `refused` says why.
std::unique_ptr<ProcessSource> choose_process_source(bool bpf, CgroupTree& tree,
                                                     std::vector<Error>& refused) {
  if (bpf) {
    auto source = make_bpf_process_source({});
    if (source) return std::move(*source);
    refused.push_back(std::move(source.error()));
    refused.back().fix = "runc is not counted, and shims are polled in /proc";
  }
  return make_proc_process_source({.cgroup_of = [&tree](const std::string& text) {
    return tree.cgroup_of(text).value_or(CgroupKey{});
  }});
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
  std::vector<Error> refused;
  auto processes = choose_process_source((*source)->info().tier == "bpf", **tree, refused);
  std::unique_ptr<Profiler> profiler(
      new Profiler(config, {.tree = std::move(*tree),
                            .source = std::move(*source),
                            .processes = std::move(processes),
                            .private_memory = features.private_memory}));
  profiler->warnings_ = std::move(refused);
  return profiler;
}

Profiler::Profiler(const Config& config, Parts parts)
    : tree_(std::move(parts.tree)),
      source_(std::move(parts.source)),
      processes_(std::move(parts.processes)),
      identities_(identity_options(config.runtimes)),
      timeline_(timeline_options(config)),
      accounts_(accounts_options(config)),
      overhead_(
          {.private_memory = parts.private_memory, .keep_ended = config.limits.keep_ended},
          {.container_around = [this](CgroupKey key) { return accounts_.container_around(key); },
           .processes_of =
               [this](CgroupKey key) {
                 return tree_->processes(key).value_or(std::vector<std::uint32_t>());
               }}) {}

Profiler::Step Profiler::step(MonoTime now) {
  Step result{.errors = std::exchange(errors_, {}), .warnings = std::exchange(warnings_, {})};
  auto changes = tree_->changes();
  if (!changes) result.errors.push_back(changes.error());
  const TreeChanges tree = changes ? *std::move(changes) : TreeChanges{};
  name_containers(tree, now);
  std::ranges::move(tree_->take_warnings(), std::back_inserter(result.warnings));
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
  if (!batches->empty()) {
    const bool mark = accounts_.mark_due();
    follow_processes(now, mark);
    overhead_.read_memory(now);
    if (mark) accounts_.mark(timeline_.take_counters(), overhead_.read());
  }
  return result;
}

void Profiler::follow_processes(MonoTime now, bool read_alive) {
  const auto batch = processes_->collect(now, read_alive);
  if (batch) {
    overhead_.apply(*batch, now);
  } else {
    errors_.push_back(batch.error());
  }
}

void Profiler::name_containers(const TreeChanges& changes, MonoTime now) {
  const auto weigh = [this](CgroupKey key) {
    // It may be gone by now, and without the controller there is none.
    if (const auto weight = tree_->weight(key)) accounts_.set_weight(key, *weight);
  };
  const std::vector<Identified> identified =
      accounts_.identify(identities_.update(changes, now), changes.gone, now);
  overhead_.identify(identified, changes.gone, now);
  for (const Identified& one : identified) weigh(one.key);
  for (const CgroupKey key : changes.weights_changed) {
    if (accounts_.is_container(key)) weigh(key);
  }
}

std::shared_ptr<const Snapshot> Profiler::snapshot(MonoTime now) {
  // What lives is read now, so that rates are of the very span between mark and snapshot.
  follow_processes(now, true);
  return accounts_.snapshot(timeline_.read(), overhead_.read(), source_->info(),
                            identities_.errors(), now);
}

void Profiler::reconfigure(const Config& config) {
  accounts_.set_filters(config.cgroup.include, config.cgroup.exclude);
  accounts_.set_keep_dead(config.limits.keep_ended);
  overhead_.set_keep_ended(config.limits.keep_ended);
}

}  // namespace throttlelens
