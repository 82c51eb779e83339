// SPDX-License-Identifier: Apache-2.0
#include "idle_log.h"

#include <algorithm>
#include <cstddef>

namespace throttlelens {

namespace {

void add_idle(const SharedView& view, std::uint32_t index, const Interval& span,
              std::vector<Interval>& idle) {
  const auto cpu = read_cpu(view.cpus[index]);
  if (!cpu || cpu->task == 0) return;
  const auto mono = [&](tl_u64 clock) {
    return Nanoseconds(static_cast<std::int64_t>(clock) + cpu->offset_ns);
  };
  const auto add = [&](Nanoseconds begin, Nanoseconds end) {
    const Interval part{.begin = std::max(begin, span.begin), .end = std::min(end, span.end)};
    if (part.begin < part.end) idle.push_back(part);
  };
  if (cpu->pid == 0) add(mono(cpu->since), span.end);
  std::vector<tl_idle> copies;
  for (tl_u64 n = cpu->idles; n > 0 && cpu->idles - n < TL_IDLES; --n) {
    const tl_idle& shared = view.idles[std::size_t{index} * TL_IDLES + (n - 1) % TL_IDLES];
    copies.push_back({.since = load(shared.since), .until = load(shared.until)});
    if (mono(copies.back().since) <= span.begin) break;
  }
  // What was overwritten while we read lies at the old end.
  const tl_u64 overwritten = load(view.cpus[index].idles) - cpu->idles;
  const std::size_t safe = TL_IDLES - std::min<tl_u64>(TL_IDLES, overwritten + 1);
  copies.resize(std::min(copies.size(), safe));
  for (const tl_idle& copy : copies) add(mono(copy.since), mono(copy.until));
}

}  // namespace

std::vector<Interval> any_idle(const SharedView& view, std::span<const std::uint32_t> cpus,
                               const Interval& span) {
  std::vector<Interval> idle;
  for (const std::uint32_t cpu : cpus) {
    if (cpu >= view.cpus.size()) continue;
    add_idle(view, cpu, span, idle);
    unite(idle);
    if (idle.size() == 1 && idle.front() == span) break;
  }
  return idle;
}

}  // namespace throttlelens
