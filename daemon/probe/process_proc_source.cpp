// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "bpf_abi/processes.h"
#include "probe/process_source.h"
#include "process_files.h"
#include "process_names.h"

namespace throttlelens {

namespace {

namespace fs = std::filesystem;

constexpr Nanoseconds kEvery = std::chrono::seconds(1);

std::vector<std::uint32_t> processes_in(const std::string& proc, std::error_code& error) {
  std::vector<std::uint32_t> pids;
  // A process that ends while one looks does not end the listing.
  for (fs::directory_iterator entry(proc, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::uint32_t pid = 0;
    const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (wrong == std::errc() && end == name.data() + name.size()) pids.push_back(pid);
  }
  return pids;
}

class ProcProcessSource final : public ProcessSource {
 public:
  explicit ProcProcessSource(ProcessSourceOptions options) : options_(std::move(options)) {}

  Result<ProcessBatch> collect(MonoTime now, bool read_alive) override;

 private:
  Result<void> look(ProcessBatch& batch);
  void meet(const ProcessStat& stat, ProcessKind kind, ProcessBatch& batch);

  ProcessSourceOptions options_;
  std::optional<MonoTime> looked_;
  std::map<ProcessKey, ProcessUse> known_;  ///< as last seen
};

void ProcProcessSource::meet(const ProcessStat& stat, ProcessKind kind, ProcessBatch& batch) {
  const ProcessKey key{.pid = stat.pid, .started = ticks(stat.started)};
  const auto [known, is_new] = known_.try_emplace(key);
  ProcessUse& use = known->second;
  // It executed something else, under its old key.
  const bool changed = !is_new && use.kind != kind;
  use = {.key = key, .kind = kind, .root = key, .cpu = ticks(stat.cpu)};
  if (!is_new && !changed) return;
  CgroupKey cgroup;
  if (options_.cgroup_of) cgroup = options_.cgroup_of(read_cgroup_file(options_.proc, stat.pid));
  batch.seen.push_back({.key = key,
                        .kind = kind,
                        .comm = stat.comm,
                        .arguments = read_arguments(options_.proc, stat.pid, TL_ARGUMENTS),
                        .cgroup = cgroup});
}

Result<void> ProcProcessSource::look(ProcessBatch& batch) {
  std::error_code error;
  const std::vector<std::uint32_t> pids = processes_in(options_.proc, error);
  if (error) return std::unexpected(os_error("list the processes", options_.proc, error.value()));
  std::vector<ProcessKey> there;
  for (const std::uint32_t pid : pids) {
    const auto stat = read_process_stat(options_.proc, pid);
    if (!stat) continue;
    const auto kind = kind_of_program(stat->comm);
    if (!kind || *kind == ProcessKind::helper) continue;
    meet(*stat, *kind, batch);
    there.push_back({.pid = pid, .started = ticks(stat->started)});
  }
  std::ranges::sort(there);
  std::erase_if(known_, [&](const auto& known) {
    if (std::ranges::binary_search(there, known.first)) return false;
    batch.ended.push_back(known.second);
    return true;
  });
  return {};
}

Result<ProcessBatch> ProcProcessSource::collect(MonoTime now, bool read_alive) {
  ProcessBatch batch;
  if (!looked_ || now - *looked_ >= kEvery) {
    if (auto done = look(batch); !done) return std::unexpected(done.error());
    looked_ = now;
  }
  if (read_alive) {
    auto& alive = batch.alive.emplace();
    for (const auto& [key, use] : known_) alive.push_back(use);
  }
  return batch;
}

}  // namespace

std::unique_ptr<ProcessSource> make_proc_process_source(const ProcessSourceOptions& options) {
  return std::make_unique<ProcProcessSource>(options);
}

}  // namespace throttlelens
