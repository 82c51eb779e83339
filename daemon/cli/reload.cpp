// SPDX-License-Identifier: Apache-2.0
#include "cli/reload.h"

namespace throttlelens {
namespace {

enum class When { now, restart };

template <typename Field>
void compare(const char* key, When when, const Field& field, const Config& wanted,
             ReloadPlan& plan) {
  if (field(plan.running) == field(wanted)) return;
  if (when == When::restart) {
    plan.need_restart.emplace_back(key);
    return;
  }
  field(plan.running) = field(wanted);
  plan.applied.emplace_back(key);
}

}  // namespace

ReloadPlan plan_reload(const Config& running, const Config& wanted) {
  ReloadPlan plan{.running = running, .applied = {}, .need_restart = {}};
  const auto key = [&](const char* name, When when, const auto& field) {
    compare(name, when, field, wanted, plan);
  };
  key("listen", When::restart, [](auto& c) -> auto& { return c.listen; });
  key("web_config_file", When::restart, [](auto& c) -> auto& { return c.web_config_file; });
  key("windows.base", When::restart, [](auto& c) -> auto& { return c.windows.base; });
  key("windows.reported", When::restart, [](auto& c) -> auto& { return c.windows.reported; });
  key("windows.history", When::restart, [](auto& c) -> auto& { return c.windows.history; });
  key("probe.mode", When::restart, [](auto& c) -> auto& { return c.probe.mode; });
  key("cgroup.root", When::restart, [](auto& c) -> auto& { return c.cgroup.root; });
  key("cgroup.include", When::now, [](auto& c) -> auto& { return c.cgroup.include; });
  key("cgroup.exclude", When::now, [](auto& c) -> auto& { return c.cgroup.exclude; });
  key("runtimes.containerd", When::restart, [](auto& c) -> auto& { return c.runtimes.containerd; });
  key("runtimes.crio", When::restart, [](auto& c) -> auto& { return c.runtimes.crio; });
  key("runtimes.docker", When::restart, [](auto& c) -> auto& { return c.runtimes.docker; });
  key("runtimes.podman", When::restart, [](auto& c) -> auto& { return c.runtimes.podman; });
  key("metrics.exclude", When::now, [](auto& c) -> auto& { return c.metrics.exclude; });
  key("limits.max_cgroups", When::restart, [](auto& c) -> auto& { return c.limits.max_cgroups; });
  key("limits.max_series", When::now, [](auto& c) -> auto& { return c.limits.max_series; });
  key("limits.keep_ended", When::now, [](auto& c) -> auto& { return c.limits.keep_ended; });
  key("log.level", When::now, [](auto& c) -> auto& { return c.log.level; });
  key("log.format", When::now, [](auto& c) -> auto& { return c.log.format; });
  return plan;
}

}  // namespace throttlelens
