// SPDX-License-Identifier: Apache-2.0
// When at least one CPU of the node was idle, from the stretches each CPU notes: exactly, unless
// one notes more than TL_IDLES of them after the span asked for began.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "intervals.h"
#include "shared_view.h"

namespace throttlelens {

/// Stretches within `span` in which any of `cpus` was idle, in order and disjoint. A CPU that went
/// idle more than TL_IDLES times since the span began is known from then on only. Reads no more
/// CPUs once the whole span is covered.
std::vector<Interval> any_idle(const SharedView& view, std::span<const std::uint32_t> cpus,
                               const Interval& span);

}  // namespace throttlelens
