// SPDX-License-Identifier: Apache-2.0
// Which source measures: what was configured meets what the machine offers.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "config/config.h"
#include "model/cgroup.h"
#include "model/snapshot.h"
#include "probe/plan.h"
#include "probe/source.h"

namespace throttlelens {

struct SourceChoice {
  bool try_bpf = false;
  bool may_fall_back = false;  ///< to cpustat, if BPF fails
  std::string reason;          ///< why BPF is not tried; empty when it is
};

/// A pure function. An error when BPF is demanded and impossible.
Result<SourceChoice> choose_source(ProbeMode mode, const ProbePlan& plan);

/// Makes the chosen source, falling back where that is allowed. The source's info() names the tier
/// and why it is not bpf. `counters` must outlive it.
Result<std::unique_ptr<Source>> make_source(const SourceChoice& choice,
                                            const SourceOptions& options, ProbeInfo info,
                                            CgroupCounters& counters);

}  // namespace throttlelens
