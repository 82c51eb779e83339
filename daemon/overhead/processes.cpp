// SPDX-License-Identifier: Apache-2.0
#include "processes.h"

#include <algorithm>
#include <utility>

#include "served.h"

namespace throttlelens::overhead {
namespace {

/// What was counted of a process is kept for so long after its end: a source may tell of it again.
constexpr Nanoseconds kRemember = std::chrono::seconds(60);
constexpr std::size_t kMostRemembered = 8192;
/// Readings in a row that do not have a process whose end was not told: one may fail for it.
constexpr std::uint32_t kMostMissed = 3;

}  // namespace

Root root_of(const ProcessSeen& seen) {
  return {.key = seen.key,
          .kind = seen.kind,
          .comm = seen.comm,
          .serves = served_container(seen.kind, seen.comm, seen.arguments).value_or(""),
          .cgroup = seen.cgroup};
}

std::vector<ProcessStep> Processes::apply(const ProcessBatch& batch, MonoTime now) {
  std::vector<ProcessStep> out;
  ++batch_;
  for (const ProcessSeen& seen : batch.seen) see(seen, out);
  if (batch.alive) {
    for (const ProcessUse& use : *batch.alive) read(use, out);
    end_missed(now, out);
  }
  for (const ProcessUse& use : batch.ended) {
    read(use, out);
    Process& process = processes_[use.key];
    end(use.key, process, now, out);
    process.final = true;
  }
  forget(now);
  return out;
}

const Root* Processes::root_of(const ProcessKey& key) const {
  const auto it = processes_.find(key);
  return it == processes_.end() || !it->second.there ? nullptr : it->second.root.get();
}

void Processes::see(const ProcessSeen& seen, std::vector<ProcessStep>& out) {
  Process& process = processes_[seen.key];
  process.last_batch = batch_;
  auto root = std::make_shared<const Root>(throttlelens::overhead::root_of(seen));
  if (process.there && process.root && *process.root == *root) return;  // told again
  // One that told its last may have joined a container and be one of ours again there: what was
  // counted of it stays counted.
  process.final = false;
  bind(seen.key, process, seen.kind, std::move(root), out);
}

void Processes::read(const ProcessUse& use, std::vector<ProcessStep>& out) {
  Process& process = processes_[use.key];
  if (process.final) return;
  process.last_batch = batch_;
  process.missed = 0;
  const auto root = processes_.find(use.root);
  std::shared_ptr<const Root> origin = root == processes_.end() ? process.root : root->second.root;
  if (!process.there || process.kind != use.kind || process.root != origin) {
    bind(use.key, process, use.kind, std::move(origin), out);
  }
  const Nanoseconds more = std::max(use.cpu - process.counted, Nanoseconds(0));
  process.counted += more;
  out.push_back({.life = ProcessStep::Life::goes_on,
                 .key = use.key,
                 .kind = process.kind,
                 .root = process.root,
                 .more = more});
}

void Processes::bind(const ProcessKey& key, Process& process, ProcessKind kind,
                     std::shared_ptr<const Root> root, std::vector<ProcessStep>& out) {
  const auto tell = [&](ProcessStep::Life life) {
    out.push_back({.life = life,
                   .key = key,
                   .kind = process.kind,
                   .root = process.root,
                   .more = std::nullopt});
  };
  if (process.there) tell(ProcessStep::Life::ended);
  process.kind = kind;
  process.root = std::move(root);
  process.there = true;
  tell(ProcessStep::Life::began);
}

void Processes::end(const ProcessKey& key, Process& process, MonoTime now,
                    std::vector<ProcessStep>& out) {
  if (!process.there) return;
  process.there = false;
  ended_.push_back({.at = now, .key = key});
  out.push_back({.life = ProcessStep::Life::ended,
                 .key = key,
                 .kind = process.kind,
                 .root = process.root,
                 .more = std::nullopt});
}

void Processes::end_missed(MonoTime now, std::vector<ProcessStep>& out) {
  for (auto& [key, process] : processes_) {
    if (!process.there || process.last_batch == batch_) continue;
    if (++process.missed >= kMostMissed) end(key, process, now, out);
  }
}

void Processes::forget(MonoTime now) {
  // A root is needed as long as its descendants are: it goes to the end, once a call.
  for (std::size_t left = ended_.size(); left > 0; --left) {
    const auto [at, key] = ended_.front();
    const bool too_many = ended_.size() > kMostRemembered;
    if (!too_many && now - at < kRemember) return;
    ended_.pop_front();
    const auto it = processes_.find(key);
    if (it == processes_.end() || it->second.there) continue;
    const auto& root = it->second.root;
    if (!too_many && root && root->key == key && root.use_count() > 1) {
      ended_.push_back({.at = now, .key = key});
    } else {
      processes_.erase(it);
    }
  }
}

}  // namespace throttlelens::overhead
