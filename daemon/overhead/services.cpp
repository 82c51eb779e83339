// SPDX-License-Identifier: Apache-2.0
#include "services.h"

#include <algorithm>

namespace throttlelens::overhead {
namespace {

/// Sources know fewer names. Beyond, the one that ended first begins anew should it come back.
constexpr std::size_t kMostServices = 64;

}  // namespace

void Services::begin(const std::string& name, const ProcessKey& key) {
  if (!services_.contains(name)) make_room();
  services_[name].processes.try_emplace(key);
}

void Services::make_room() {
  if (services_.size() < kMostServices) return;
  auto oldest = services_.end();
  for (auto it = services_.begin(); it != services_.end(); ++it) {
    if (!it->second.processes.empty()) continue;
    if (oldest == services_.end() || it->second.ended < oldest->second.ended) oldest = it;
  }
  if (oldest != services_.end()) services_.erase(oldest);
}

void Services::end(const std::string& name, const ProcessKey& key, MonoTime now) {
  const auto service = services_.find(name);
  if (service == services_.end() || service->second.processes.erase(key) == 0) return;
  service->second.ended = now;
}

void Services::add(const std::string& name, Nanoseconds more) {
  const auto service = services_.find(name);
  if (service == services_.end()) return;
  service->second.cpu = service->second.cpu.value_or(Nanoseconds(0)) + more;
}

void Services::set_memory(const std::string& name, const ProcessKey& key,
                          std::optional<std::uint64_t> bytes) {
  const auto service = services_.find(name);
  if (service == services_.end()) return;
  const auto process = service->second.processes.find(key);
  if (process != service->second.processes.end()) process->second = bytes;
}

std::vector<ServiceRow> Services::rows() const {
  std::vector<ServiceRow> out;
  for (const auto& [name, service] : services_) {
    std::optional<std::uint64_t> memory;
    for (const auto& [key, bytes] : service.processes) {
      if (bytes) memory = memory.value_or(0) + *bytes;
    }
    if (!service.cpu && !memory) continue;
    out.push_back({.name = name, .cpu = service.cpu, .private_memory = memory});
  }
  return out;
}

}  // namespace throttlelens::overhead
