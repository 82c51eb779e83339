// SPDX-License-Identifier: Apache-2.0
// When at least one CPU of the node was idle, exactly, from the stretches each CPU notes.
#pragma once

#include <cstdint>
#include <vector>

#include "intervals.h"
#include "shared_view.h"

namespace throttlelens {

/// The CPUs of a list as the kernel writes it: "0-3,8". What cannot be understood is left out.
/// Source: /sys/devices/system/cpu/online.
std::vector<std::uint32_t> cpu_list(const std::string& text);

/// Stretches within `span` in which any of `cpus` was idle, in order and disjoint. A CPU that went
/// idle more than TL_IDLES times since the span began is known from then on only. Reads no more
/// CPUs once the whole span is covered.
std::vector<Interval> any_idle(const SharedView& view, std::span<const std::uint32_t> cpus,
                               const Interval& span);

}  // namespace throttlelens
