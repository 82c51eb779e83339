// SPDX-License-Identifier: Apache-2.0
#include "idle_log.h"

#include <charconv>
#include <string>
#include <string_view>

namespace throttlelens {

std::vector<std::uint32_t> cpu_list(const std::string& text) {
  constexpr std::uint32_t kMost = 65536;
  std::vector<std::uint32_t> cpus;
  std::string_view rest(text);
  while (!rest.empty()) {
    const std::string part(rest.substr(0, rest.find_first_of(",\n")));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    std::uint32_t first = 0;
    const char* const end = part.data() + part.size();
    auto [at, error] = std::from_chars(part.data(), end, first);
    if (error != std::errc()) continue;
    std::uint32_t last = first;
    if (at != end && *at == '-') std::from_chars(at + 1, end, last);
    for (std::uint32_t cpu = first; cpu <= last && cpu < kMost; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

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
