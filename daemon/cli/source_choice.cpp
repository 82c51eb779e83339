// SPDX-License-Identifier: Apache-2.0
#include "cli/source_choice.h"

namespace throttlelens {

Result<SourceChoice> choose_source(ProbeMode mode, const ProbePlan& plan) {
  switch (mode) {
    case ProbeMode::cpustat:
      return SourceChoice{
          .try_bpf = false, .may_fall_back = true, .reason = "probe.mode is cpustat"};
    case ProbeMode::bpf:
      if (plan.bpf) return SourceChoice{.try_bpf = true, .may_fall_back = false, .reason = {}};
      return std::unexpected(
          Error{.what = "use probe.mode bpf",
                .on = "",
                .why = plan.reason,
                .fix = "provide what is missing, or set probe.mode to auto or cpustat"});
    case ProbeMode::automatic:
      break;
  }
  return SourceChoice{.try_bpf = plan.bpf, .may_fall_back = true, .reason = plan.reason};
}

Result<std::unique_ptr<Source>> make_source(const SourceChoice& choice,
                                            const SourceOptions& options, ProbeInfo info,
                                            CgroupCounters& counters) {
  std::string reason = choice.reason;
  if (choice.try_bpf) {
    info.tier = "bpf";
    info.reason.clear();
    auto source = make_bpf_source(options, info, counters);
    if (source) return source;
    if (!choice.may_fall_back) return source;
    reason = source.error().message();
  }
  info.tier = "cpustat";
  info.reason = std::move(reason);
  return make_cpustat_source(options, std::move(info), counters);
}

}  // namespace throttlelens
