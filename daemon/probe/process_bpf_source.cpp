// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "probe/process_source.h"
#include "process_files.h"
#include "process_ledger.h"
#include "process_programs.h"

namespace throttlelens {

namespace {

// All processes of the machine are looked at again, for what was missed.
constexpr Nanoseconds kRepair = std::chrono::seconds(30);

class BpfProcessSource final : public ProcessSource {
 public:
  BpfProcessSource(std::string proc, std::unique_ptr<ProcessPrograms> programs)
      : proc_(std::move(proc)),
        programs_(std::move(programs)),
        ledger_([this](const ProcessKey& key) { return describe(key); }) {}

  Result<ProcessBatch> collect(MonoTime now, bool read_alive) override;

 private:
  Result<void> read(MonoTime now, bool read_alive);
  std::optional<ProcessWords> describe(const ProcessKey& key) const;

  std::string proc_;
  std::unique_ptr<ProcessPrograms> programs_;
  ProcessLedger ledger_;
  std::optional<MonoTime> repaired_;
};

// Read before and after: the words are of the process that was meant.
std::optional<ProcessWords> BpfProcessSource::describe(const ProcessKey& key) const {
  std::string arguments = read_arguments(proc_, key.pid, TL_ARGUMENTS);
  auto stat = read_process_stat(proc_, key.pid);
  if (!stat || !is_same_process(*stat, key)) return std::nullopt;
  return ProcessWords{.comm = std::move(stat->comm), .arguments = std::move(arguments)};
}

Result<void> BpfProcessSource::read(MonoTime now, bool read_alive) {
  const bool repair = !repaired_ || now - *repaired_ >= kRepair;
  if (repair) {
    repaired_ = now;
    if (auto adopted = programs_->adopt(); !adopted) return adopted;
  }
  if (!read_alive) return {};
  // Before the events: what ends meanwhile is in both, and not in none.
  auto followed = programs_->followed();
  if (!followed) return std::unexpected(followed.error());
  for (const tl_u64 signal : ledger_.followed(*followed, now)) programs_->stop_following(signal);
  return {};
}

Result<ProcessBatch> BpfProcessSource::collect(MonoTime now, bool read_alive) {
  const auto done = read(now, read_alive);
  programs_->drain_events({.seen = [this](const tl_event_seen& event) { ledger_.seen(event); },
                           .ended = [this](const tl_event_ended& event) { ledger_.ended(event); }});
  if (!done) return std::unexpected(done.error());  // the ledger keeps what it was told
  ProcessBatch batch = ledger_.take();
  batch.lost = batch.lost.value_or(0) + programs_->lost();
  return batch;
}

}  // namespace

Result<std::unique_ptr<ProcessSource>> make_bpf_process_source(
    const ProcessSourceOptions& options) {
  auto programs = ProcessPrograms::load();
  if (!programs) return std::unexpected(std::move(programs.error()));
  return std::make_unique<BpfProcessSource>(options.proc, std::move(*programs));
}

}  // namespace throttlelens
