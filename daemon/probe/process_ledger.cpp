// SPDX-License-Identifier: Apache-2.0
#include "process_ledger.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string_view>

namespace throttlelens {

namespace {

// A process is freed a grace period after it was reaped: as a rule some 10 ms, with lazy callbacks
// (since 6.2) up to 10 s. An entry that stays longer was missed.
constexpr Nanoseconds kLongestGrace = std::chrono::seconds(30);

Nanoseconds nanoseconds(tl_u64 value) {
  return Nanoseconds(static_cast<std::int64_t>(value));
}

ProcessKind to_kind(tl_u32 kind) {
  return kind <= TL_SERVICE ? static_cast<ProcessKind>(kind) : ProcessKind::helper;
}

ProcessKey key_of(const tl_process& entry) {
  return {.pid = entry.pid, .started = nanoseconds(entry.started)};
}

ProcessKey root_of(const tl_process& entry) {
  return {.pid = entry.root_pid, .started = nanoseconds(entry.root_started)};
}

ProcessUse to_use(const tl_process& entry, tl_u64 cpu_ns) {
  return {.key = key_of(entry),
          .kind = to_kind(entry.kind),
          .root = root_of(entry),
          .cpu = nanoseconds(cpu_ns)};
}

std::string text_of(const char* bytes, std::size_t length) {
  return {bytes, ::strnlen(bytes, length)};
}

}  // namespace

void ProcessLedger::seen(const tl_event_seen& event) {
  const ProcessKey key{.pid = event.pid, .started = nanoseconds(event.started)};
  ProcessSeen seen{.key = key,
                   .kind = to_kind(event.kind),
                   .comm = text_of(event.comm, sizeof event.comm),
                   .arguments = {},
                   .cgroup = {event.cgroup}};
  if (event.has_arguments != 0) {
    const std::size_t length = std::min<std::size_t>(event.arguments, sizeof event.argument);
    seen.arguments.assign(event.argument, length);
  } else if (auto words = describe_(key)) {
    seen.arguments = std::move(words->arguments);
  }
  roots_[key] = round_;
  batch_.seen.push_back(std::move(seen));
}

void ProcessLedger::ended(const tl_event_ended& event) {
  batch_.ended.push_back(
      {.key = {.pid = event.pid, .started = nanoseconds(event.started)},
       .kind = to_kind(event.kind),
       .root = {.pid = event.root_pid, .started = nanoseconds(event.root_started)},
       .cpu = nanoseconds(event.cpu_ns)});
}

// A root that was announced in vain is looked for; if it is gone, its name is lost.
void ProcessLedger::need_root(const ProcessKey& root, ProcessKind kind, CgroupKey cgroup) {
  if (!roots_.try_emplace(root, round_).second) return;
  auto words = describe_(root);
  if (!words) ++lost_;
  ProcessWords known = words ? std::move(*words) : ProcessWords{};
  batch_.seen.push_back({.key = root,
                         .kind = kind,
                         .comm = std::move(known.comm),
                         .arguments = std::move(known.arguments),
                         .cgroup = cgroup});
}

// Its end found no room in the ring buffer, or was missed.
bool ProcessLedger::is_over(const FollowedProcess& process, MonoTime now,
                            std::vector<ProcessUse>& ended) {
  const tl_process& entry = process.entry;
  if (entry.ended != 0) {
    ended.push_back(to_use(entry, entry.ended_ns));
    return true;
  }
  if (process.answer != TL_PROCESS_GONE) {
    gone_since_.erase(process.signal);
    return false;
  }
  const auto [since, is_new] = gone_since_.try_emplace(process.signal, now);
  if (is_new || now - since->second < kLongestGrace) return false;
  if (entry.exited_ns != 0) {
    ended.push_back(to_use(entry, std::max({entry.released_ns, entry.freed_ns, entry.exited_ns})));
  } else {
    ++lost_;
  }
  return true;
}

std::vector<tl_u64> ProcessLedger::followed(std::span<const FollowedProcess> all, MonoTime now) {
  ++round_;
  std::vector<tl_u64> over;
  followed_.emplace();
  for (const FollowedProcess& process : all) {
    if (is_over(process, now, batch_.ended)) {
      over.push_back(process.signal);
    } else {
      followed_->push_back(process);
    }
  }
  std::erase_if(gone_since_, [&](const auto& gone) {
    return std::ranges::none_of(*followed_, [&](const FollowedProcess& process) {
      return process.signal == gone.first && process.answer == TL_PROCESS_GONE;
    });
  });
  return over;
}

ProcessBatch ProcessLedger::take() {
  for (const ProcessUse& use : batch_.ended) need_root(use.root, use.kind, {});
  if (followed_) {
    std::set<ProcessKey> ended;
    for (const ProcessUse& use : batch_.ended) ended.insert(use.key);
    auto& alive = batch_.alive.emplace();
    for (const FollowedProcess& process : *followed_) {
      const tl_process& entry = process.entry;
      const ProcessKey root = root_of(entry);
      need_root(root, to_kind(entry.kind),
                root == key_of(entry) ? CgroupKey{entry.cgroup} : CgroupKey{});
      roots_[root] = round_;
      if (process.answer == TL_PROCESS_READ && !ended.contains(key_of(entry))) {
        alive.push_back(to_use(entry, process.cpu_ns));
      }
    }
    // Nobody descends from the others any more, and their ends were told.
    std::erase_if(roots_, [&](const auto& root) { return root.second != round_; });
    followed_.reset();
  }
  batch_.lost = lost_;
  return std::exchange(batch_, {});
}

}  // namespace throttlelens
