// SPDX-License-Identifier: Apache-2.0
#include "overhead/overhead.h"

#include <algorithm>
#include <ctime>
#include <utility>
#include <variant>

#include "memory_turns.h"
#include "owners.h"
#include "process_files.h"
#include "processes.h"
#include "services.h"

namespace throttlelens {
namespace {

using overhead::MemoryTarget;
using overhead::ProcessStep;
using overhead::Root;

/// Other processes of this name (`top`, an old one that ends) are not the daemon.
constexpr std::string_view kSelf = "throttlelens";

Nanoseconds clock_value(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return Nanoseconds(0);
  return std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
}

OverheadPorts with_clocks(OverheadPorts ports) {
  if (!ports.process_time) {
    ports.process_time = [] { return clock_value(CLOCK_PROCESS_CPUTIME_ID); };
  }
  if (!ports.thread_time) {
    ports.thread_time = [] { return clock_value(CLOCK_THREAD_CPUTIME_ID); };
  }
  return ports;
}

OverheadComponent component_of(ProcessKind kind) {
  switch (kind) {
    case ProcessKind::shim:
      return OverheadComponent::shim;
    case ProcessKind::monitor:
      return OverheadComponent::conmon;
    case ProcessKind::helper:
    case ProcessKind::service:
      break;
  }
  return OverheadComponent::runc;
}

}  // namespace

struct Overhead::Impl {
  Impl(OverheadOptions how, OverheadPorts who)
      : options(std::move(how)), ports(with_clocks(std::move(who))) {
    if (options.private_memory) turns.add(MemoryTarget{}, MonoTime{});
  }

  bool counts(const Root& root) const;
  void take(const ProcessStep& step, MonoTime now);
  void take_service(const ProcessStep& step, const Root& root, MonoTime now);
  void admit_service(const ProcessStep& step, const Root& root, MonoTime now);
  void take_helper(const ProcessStep& step, MonoTime now);
  void read_memory(const MemoryTarget& target, MonoTime now);
  std::optional<std::uint64_t> private_memory_of(const MemoryTarget& target) const;
  void keep_memory(const MemoryTarget& target, std::optional<std::uint64_t> bytes);

  OverheadOptions options;
  OverheadPorts ports;
  overhead::Processes processes;
  overhead::Owners owners;
  overhead::Services services;
  overhead::MemoryTurns turns;
  overhead::ComponentTimes node{};
  /// Of services in containers: whether they count is known when their container's name is.
  std::map<ProcessKey, Nanoseconds> held;
  std::optional<Nanoseconds> own_cpu;
  std::optional<std::uint64_t> own_memory;
  std::optional<std::uint64_t> lost;
};

Overhead::Overhead(OverheadOptions options, OverheadPorts ports)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(ports))) {}
Overhead::~Overhead() = default;

void Overhead::identify(const std::vector<Identified>& identified,
                        const std::vector<CgroupKey>& gone, MonoTime now) {
  for (const Identified& one : identified) {
    impl_->owners.identify(one, now);
    if (one.identity->role != ContainerRole::sandbox) {
      impl_->turns.remove(one.key);
    } else if (impl_->options.private_memory) {
      impl_->turns.add(one.key, now);
    }
  }
  for (const CgroupKey key : gone) {
    impl_->owners.leave(key, now);
    impl_->turns.remove(key);
  }
}

void Overhead::apply(const ProcessBatch& batch, MonoTime now) {
  for (const ProcessStep& step : impl_->processes.apply(batch, now)) impl_->take(step, now);
  impl_->own_cpu = impl_->ports.process_time();
  impl_->lost = batch.lost;
  impl_->owners.expire(now, impl_->options.keep_ended);
}

/// What is in a container is the container's, whatever it calls itself and whomever it says it
/// serves. Asked each time: the cgroup may have its name later than the process its own.
bool Overhead::Impl::counts(const Root& root) const {
  const ContainerIdentity* around =
      ports.container_around ? ports.container_around(root.cgroup) : nullptr;
  if (around == nullptr || around->role == ContainerRole::monitor) return true;
  return root.kind == ProcessKind::service && root.comm == "kube-proxy" &&
         around->pod_namespace == "kube-system";
}

void Overhead::Impl::take(const ProcessStep& step, MonoTime now) {
  if (step.kind != ProcessKind::service) {
    take_helper(step, now);
  } else if (step.root && step.root->comm != kSelf) {
    take_service(step, *step.root, now);
  }
}

void Overhead::Impl::take_helper(const ProcessStep& step, MonoTime now) {
  const OverheadComponent component = component_of(step.kind);
  const std::string id = step.root ? step.root->serves : std::string();
  if (step.life == ProcessStep::Life::ended) {
    turns.remove(step.key);
    if (!id.empty()) owners.end(id, step.key, now);
    return;
  }
  if (step.root && !counts(*step.root)) return;
  if (step.more) {
    auto& sum = node[static_cast<std::size_t>(component)];
    sum = sum.value_or(Nanoseconds(0)) + *step.more;
  }
  if (id.empty()) return;
  if (step.more) owners.add(id, component, *step.more, now);
  if (step.life != ProcessStep::Life::began) return;
  owners.begin(id, step.key, component);
  // Helpers are gone before it would tell anything.
  if (options.private_memory && step.kind != ProcessKind::helper) turns.add(step.key, now);
}

void Overhead::Impl::take_service(const ProcessStep& step, const Root& root, MonoTime now) {
  if (step.life == ProcessStep::Life::ended) {
    turns.remove(step.key);
    held.erase(step.key);
    services.end(root.comm, step.key, now);
    return;
  }
  const bool begins = step.life == ProcessStep::Life::began;
  const auto waiting = begins ? held.try_emplace(step.key).first : held.find(step.key);
  const Nanoseconds more = step.more.value_or(Nanoseconds(0));
  if (!counts(root)) {
    if (waiting != held.end()) waiting->second += more;
  } else if (waiting != held.end()) {
    admit_service(step, root, now);
  } else if (step.more) {
    services.add(root.comm, more);
  }
}

void Overhead::Impl::admit_service(const ProcessStep& step, const Root& root, MonoTime now) {
  const Nanoseconds past = held.extract(step.key).mapped();
  services.begin(root.comm, step.key);
  if (options.private_memory) turns.add(step.key, now);
  if (step.more) services.add(root.comm, past + *step.more);
}

void Overhead::read_memory(MonoTime now) {
  if (const auto target = impl_->turns.next(now)) impl_->read_memory(*target, now);
}

void Overhead::read_missing_memory(MonoTime now) {
  while (const auto target = impl_->turns.next_fresh()) impl_->read_memory(*target, now);
}

void Overhead::Impl::read_memory(const MemoryTarget& target, MonoTime now) {
  const Nanoseconds before = ports.thread_time();
  keep_memory(target, private_memory_of(target));
  turns.done(target, now, ports.thread_time() - before);
}

std::optional<std::uint64_t> Overhead::Impl::private_memory_of(const MemoryTarget& target) const {
  using overhead::ProcessFiles;
  if (const auto* process = std::get_if<ProcessKey>(&target)) {
    const ProcessFiles files(options.proc, std::to_string(process->pid));
    return files.started_at(process->started) ? files.private_memory() : std::nullopt;
  }
  if (const auto* sandbox = std::get_if<CgroupKey>(&target)) {
    const auto list = [&] {
      return ports.processes_of ? ports.processes_of(*sandbox) : std::vector<std::uint32_t>{};
    };
    const auto found = list();
    if (found.size() != 1) return std::nullopt;  // while runc makes it, there may be others
    const ProcessFiles files(options.proc, std::to_string(found[0]));
    // Who has that pid now is in the sandbox still.
    return list() == found ? files.private_memory() : std::nullopt;
  }
  return ProcessFiles(options.proc, "self").private_memory();
}

void Overhead::Impl::keep_memory(const MemoryTarget& target, std::optional<std::uint64_t> bytes) {
  if (const auto* process = std::get_if<ProcessKey>(&target)) {
    const Root* root = processes.root_of(*process);
    if (root == nullptr) return;
    if (!counts(*root)) bytes.reset();
    if (root->kind == ProcessKind::service) {
      services.set_memory(root->comm, *process, bytes);
    } else {
      owners.set_memory(root->serves, *process, bytes);
    }
  } else if (const auto* sandbox = std::get_if<CgroupKey>(&target)) {
    owners.set_pause_memory(*sandbox, bytes);
  } else {
    own_memory = bytes;
  }
}

OverheadReading Overhead::read() const {
  OverheadReading out;
  out.rows = impl_->owners.rows();
  out.node = impl_->node;
  out.services = impl_->services.rows();
  if (impl_->own_cpu || impl_->own_memory) {
    const auto at = std::ranges::lower_bound(out.services, kSelf, {}, &ServiceRow::name);
    out.services.insert(
        at,
        {.name = std::string(kSelf), .cpu = impl_->own_cpu, .private_memory = impl_->own_memory});
  }
  out.lost_processes = impl_->lost;
  return out;
}

void Overhead::set_keep_ended(Nanoseconds keep_ended) {
  impl_->options.keep_ended = keep_ended;
}

}  // namespace throttlelens
