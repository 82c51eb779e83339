// SPDX-License-Identifier: Apache-2.0
#include "probe/plan.h"

namespace throttlelens {

ProbePlan make_plan(const Features& features) {
  ProbePlan plan{.bpf = true, .reason = {}};
  for (const Feature& feature : features.list) {
    if (feature.present || !feature.required) continue;
    plan.bpf = false;
    if (!plan.reason.empty()) plan.reason += "; ";
    plan.reason += "no " + feature.name;
    if (!feature.detail.empty()) plan.reason += " (" + feature.detail + ")";
    if (!feature.fix.empty()) plan.reason += ": " + feature.fix;
  }
  return plan;
}

}  // namespace throttlelens
