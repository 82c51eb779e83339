// SPDX-License-Identifier: Apache-2.0
#include "losses_text.h"

#include <algorithm>
#include <cstdint>

#include "top_names.h"

namespace throttlelens {

std::string losses_text(const Snapshot& snapshot) {
  std::string text;
  const auto add = [&text](const char* verb, std::uint64_t count, const char* one,
                           const char* many) {
    if (count == 0) return;
    text += text.empty() ? "" : ", ";
    text += std::string(verb) + " " + std::to_string(count) + " " + (count == 1 ? one : many);
  };
  const std::uint64_t lost = snapshot.losses.lost_switches.value_or(0);
  add("lost", lost - std::min(lost, snapshot.losses.recovered_switches.value_or(0)), "switch",
      "switches");
  add("missed", snapshot.losses.missed_windows, "window", "windows");
  add("dropped", snapshot.losses.dropped_cgroups, "cgroup", "cgroups");
  add("lost", snapshot.lost_processes.value_or(0), "process", "processes");
  if (!snapshot.probe.reason.empty()) {
    text += (text.empty() ? "not bpf: " : "; not bpf: ") + printable(snapshot.probe.reason);
  }
  return text;
}

}  // namespace throttlelens
