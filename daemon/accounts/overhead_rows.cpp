// SPDX-License-Identifier: Apache-2.0
#include "overhead_rows.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "shown_rows.h"
#include "totals.h"

namespace throttlelens::accounts {
namespace {

constexpr auto kPause = static_cast<std::size_t>(OverheadComponent::pause);

using NameView = std::tuple<std::string_view, std::string_view, std::string_view>;

NameView view(const RowName& name) {
  return {name.pod_namespace, name.pod, name.container};
}
NameView view(const OverheadRow& row) {
  return {row.pod_namespace, row.pod, row.container};
}

/// Whether any of the rows that have this name, or are containers of this pod, is shown; absent
/// when there are none.
std::optional<bool> any_shown(const RowName& name, const Names& names, const Rows& rows) {
  std::optional<bool> any;
  const auto look = [&](const Groups::Group& group) {
    const Row* row = newest_row(group, rows);
    if (row != nullptr) any = any.value_or(false) || row->shown;
  };
  for (const Groups* groups : {&names.pods(), &names.sandboxes()}) {
    if (const auto found = groups->all().find(name); found != groups->all().end()) {
      look(found->second);
    }
  }
  const auto& containers = names.containers().all();
  const bool in_pod = name.container.empty();
  for (auto one = containers.lower_bound(name);
       one != containers.end() && one->first.pod_namespace == name.pod_namespace &&
       one->first.pod == name.pod && (in_pod || one->first.container == name.container);
       ++one) {
    look(one->second);
  }
  return any;
}

}  // namespace

/// Both are by name.
std::vector<OverheadRows::Joined> OverheadRows::join(const OverheadReading& reading,
                                                     const SandboxReading& sandboxes) {
  std::vector<Joined> all;
  all.reserve(reading.rows.size() + sandboxes.pods.size());
  auto measured = reading.rows.begin();
  for (const SandboxUse& sandbox : sandboxes.pods) {
    const NameView name = view(*sandbox.name);
    for (; measured != reading.rows.end() && view(*measured) < name; ++measured) {
      all.push_back({.measured = &*measured});
    }
    const bool both = measured != reading.rows.end() && view(*measured) == name;
    all.push_back({.measured = both ? &*measured : nullptr, .sandbox = &sandbox});
    if (both) ++measured;
  }
  for (; measured != reading.rows.end(); ++measured) {
    all.push_back({.measured = &*measured});
  }
  return all;
}

/// Its place among those that are kept, which begins at `place`; those before it are gone.
OverheadRows::Place OverheadRows::keep(Place place, const Joined& joined, bool filtered) {
  const NameView name =
      joined.sandbox != nullptr ? view(*joined.sandbox->name) : view(*joined.measured);
  while (place != kept_.end() && view(place->first) < name) place = kept_.erase(place);
  if (place != kept_.end() && view(place->first) == name) return place;
  const auto& [pod_namespace, pod, container] = name;
  // With filters, what has no rows that could tell is not something that was asked for.
  return kept_.emplace_hint(place,
                            RowName{.pod_namespace = std::string(pod_namespace),
                                    .pod = std::string(pod),
                                    .container = std::string(container)},
                            Kept{.id = ids_.next(), .shown = !filtered});
}

/// Goes on when sandboxes take the place of those that are gone.
std::optional<Nanoseconds> OverheadRows::pause_of(Kept& kept, const SandboxUse* sandbox) {
  if (sandbox != nullptr && sandbox->group != kept.sandboxes) {
    kept.pause_before = saturated_sum(kept.pause_before, kept.pause.value_or(Nanoseconds(0)));
    kept.sandboxes = sandbox->group;
    kept.pause.reset();
  }
  if (sandbox != nullptr) {
    if (!sandbox->usage) return std::nullopt;
    kept.pause = sandbox->usage;
  }
  if (!kept.pause) return std::nullopt;
  return saturated_sum(kept.pause_before, *kept.pause);
}

std::vector<OverheadRows::Joined> OverheadRows::known(const OverheadReading& reading,
                                                      const SandboxReading& sandboxes,
                                                      const Names& names, const Rows& rows) {
  std::vector<Joined> shown;
  auto place = kept_.begin();
  for (Joined joined : join(reading, sandboxes)) {
    place = keep(place, joined, rows.filtered());
    Kept& kept = place->second;
    if (!rows.filtered()) {
      kept.shown = true;
    } else if (const auto any = any_shown(place->first, names, rows)) {
      kept.shown = *any;
    }
    joined.id = kept.id;
    joined.pause = pause_of(kept, joined.sandbox);
    if (kept.shown) shown.push_back(joined);
    ++place;
  }
  kept_.erase(place, kept_.end());
  return shown;
}

std::vector<OverheadRow> OverheadRows::show(const OverheadReading& reading,
                                            const SandboxReading& sandboxes, const Names& names,
                                            const Rows& rows) {
  std::vector<OverheadRow> out;
  for (const Joined& joined : known(reading, sandboxes, names, rows)) {
    OverheadRow& row = out.emplace_back();
    if (joined.measured != nullptr) {
      row = *joined.measured;
    } else {
      row.pod_namespace = joined.sandbox->name->pod_namespace;
      row.pod = joined.sandbox->name->pod;
      row.container = joined.sandbox->name->container;
      row.alive = false;
    }
    row.id = joined.id;
    row.alive = row.alive || (joined.sandbox != nullptr && joined.sandbox->alive);
    row.parts[kPause].cpu = joined.pause;
  }
  return out;
}

std::vector<OverheadCounters> OverheadRows::count(const OverheadReading& reading,
                                                  const SandboxReading& sandboxes,
                                                  const Names& names, const Rows& rows) {
  std::vector<OverheadCounters> out;
  for (const Joined& joined : known(reading, sandboxes, names, rows)) {
    OverheadCounters& counters = out.emplace_back();
    counters.id = joined.id;
    if (joined.measured != nullptr) {
      std::ranges::transform(joined.measured->parts, counters.cpu.begin(), &OverheadPart::cpu);
    }
    counters.cpu[kPause] = joined.pause;
  }
  std::ranges::sort(out, {}, &OverheadCounters::id);
  return out;
}

}  // namespace throttlelens::accounts
