// SPDX-License-Identifier: Apache-2.0
#include "windows.h"

#include <string>
#include <utility>
#include <vector>

#include "base/duration.h"

namespace throttlelens::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t kMostReported = 5;

void report(const Entry& entry, const std::string& fault, Problems& problems) {
  problems.add(place_of(entry), entry.name + ": " + quoted(entry.value->text) + " " + fault);
}

/// The default when the file is silent; nothing when what it says is wrong, so that nothing else
/// is compared with it.
std::optional<Nanoseconds> base_of(const std::optional<Entry>& entry, Nanoseconds by_default,
                                   Problems& problems) {
  if (!entry) return by_default;
  const auto base = duration_of(*entry, problems);
  if (!base) return std::nullopt;
  if (*base < milliseconds(10) || *base > seconds(1)) {
    report(*entry, "is out of range; use 10ms to 1s", problems);
    return std::nullopt;
  }
  if (seconds(1) % *base != Nanoseconds(0)) {
    report(*entry,
           "does not divide one second evenly; use for example 10ms, 20ms, 50ms, 100ms, 200ms, "
           "250ms, 500ms or 1s",
           problems);
    return std::nullopt;
  }
  return base;
}

std::optional<Nanoseconds> history_of(const std::optional<Entry>& entry, Nanoseconds by_default,
                                      Problems& problems) {
  if (!entry) return by_default;
  const auto history = duration_of(*entry, problems);
  if (!history) return std::nullopt;
  if (*history < seconds(60) || *history > hours(1)) {
    report(*entry, "is out of range; use 60s to 1h", problems);
    return std::nullopt;
  }
  return history;
}

struct Limits {
  std::optional<Nanoseconds> base;
  std::optional<Nanoseconds> history;
};

/// Empty when the window fits.
std::string misfit(Nanoseconds window, const Limits& limits,
                   const std::optional<Nanoseconds>& before) {
  if (limits.base && window < *limits.base) {
    return "is shorter than windows.base (" + duration_text(*limits.base) +
           "), of which it must be a " + "multiple";
  }
  if (limits.base && window % *limits.base != Nanoseconds(0)) {
    const Nanoseconds below = window - window % *limits.base;
    return "is not a multiple of windows.base (" + duration_text(*limits.base) + "); use " +
           duration_text(below) + " or " + duration_text(below + *limits.base);
  }
  if (before && window <= *before) {
    return "is not longer than the one before it (" + duration_text(*before) +
           "); put the windows in " + "increasing order, each once";
  }
  if (limits.history && window > *limits.history) {
    return "is longer than windows.history (" + duration_text(*limits.history) +
           "); shorten it, or " + "lengthen windows.history";
  }
  return {};
}

void read_reported(const Entry& entry, const Limits& limits, std::vector<Nanoseconds>& out,
                   Problems& problems) {
  const auto items = items_of(entry, problems);
  if (!items) return;
  if (items->empty()) {
    problems.add(place_of(entry), entry.name + " is empty; write at least one window");
    return;
  }
  if (items->size() > kMostReported) {
    problems.add(place_of((*items)[kMostReported]),
                 entry.name + " has " + std::to_string(items->size()) +
                     " windows; each costs series, remove all but " +
                     std::to_string(kMostReported));
  }
  std::vector<Nanoseconds> read;
  std::optional<Nanoseconds> before;
  for (const auto& item : *items) {
    const auto window = duration_of(item, problems);
    if (!window) continue;
    const std::string fault = misfit(*window, limits, before);
    if (!fault.empty()) report(item, fault, problems);
    before = window;
    read.push_back(*window);
  }
  out = std::move(read);
}

}  // namespace

void read_windows(const WindowEntries& entries, Config::Windows& out, Problems& problems) {
  const Limits limits{.base = base_of(entries.base, out.base, problems),
                      .history = history_of(entries.history, out.history, problems)};
  if (entries.reported) {
    read_reported(*entries.reported, limits, out.reported, problems);
  } else if (entries.base && limits.base) {
    // Only a base of the file's own can disagree with the built-in windows.
    std::optional<Nanoseconds> before;
    for (const auto window : out.reported) {
      const std::string fault = misfit(window, limits, before);
      before = window;
      if (fault.empty()) continue;
      report(*entries.base,
             "does not fit the built-in windows.reported: " + duration_text(window) +
                 " is not a multiple of it; set windows.reported too",
             problems);
      break;
    }
  }
  if (limits.base) out.base = *limits.base;
  if (limits.history) out.history = *limits.history;
}

}  // namespace throttlelens::config
