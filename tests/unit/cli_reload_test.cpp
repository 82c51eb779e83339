// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <catch2/catch.hpp>

#include "cli/reload.h"

using namespace throttlelens;
using namespace std::chrono_literals;
using Words = std::vector<std::string>;

namespace {

/// Differs from the defaults in every key.
Config everything_changed() {
  Config config;
  config.listen = "[::]:1";
  config.web_config_file = "web.yaml";
  config.windows = {.base = 50ms, .reported = {50ms}, .history = 1min};
  config.probe.mode = ProbeMode::cpustat;
  config.cgroup = {.root = "/elsewhere", .include = {"/a*"}, .exclude = {"/b*"}};
  config.runtimes = {.containerd = {"/1"}, .crio = {"/2"}, .docker = {"/3"}, .podman = {"/4"}};
  config.metrics.exclude = {"a*"};
  config.limits = {.max_cgroups = 1, .max_series = 2, .keep_ended = std::chrono::seconds(3)};
  config.log = {.level = LogLevel::debug, .format = LogFormat::json};
  return config;
}

}  // namespace

TEST_CASE("the same configuration changes nothing") {
  const auto plan = plan_reload(Config{}, Config{});
  CHECK(plan.running == Config{});
  CHECK(plan.applied.empty());
  CHECK(plan.need_restart.empty());
}

TEST_CASE("log, filters and the series cap apply at once") {
  Config wanted;
  wanted.log = {.level = LogLevel::error, .format = LogFormat::json};
  wanted.cgroup.include = {"/kubepods*"};
  wanted.cgroup.exclude = {"/system*"};
  wanted.metrics.exclude = {"throttlelens_cgroup_*"};
  wanted.limits.max_series = 7;
  wanted.limits.keep_ended = std::chrono::seconds(9);
  const auto plan = plan_reload(Config{}, wanted);
  CHECK(plan.running == wanted);
  CHECK(plan.applied == Words{"cgroup.include", "cgroup.exclude", "metrics.exclude",
                              "limits.max_series", "limits.keep_ended", "log.level", "log.format"});
  CHECK(plan.need_restart.empty());
}

TEST_CASE("what needs a restart keeps its value and is named, at every reload until then") {
  Config wanted;
  wanted.listen = "0.0.0.0:1";
  wanted.windows.base = 50ms;
  wanted.limits.max_series = 7;
  const auto first = plan_reload(Config{}, wanted);
  CHECK(first.need_restart == Words{"listen", "windows.base"});
  CHECK(first.running.listen == Config{}.listen);
  CHECK(first.running.windows.base == 100ms);
  CHECK(first.running.limits.max_series == 7);

  const auto second = plan_reload(first.running, wanted);
  CHECK(second.applied.empty());
  CHECK(second.need_restart == Words{"listen", "windows.base"});
}

TEST_CASE("every key of the file is decided on") {
  const auto plan = plan_reload(Config{}, everything_changed());
  Words decided = plan.applied;
  decided.insert(decided.end(), plan.need_restart.begin(), plan.need_restart.end());
  Words keys = config_keys();
  std::ranges::sort(decided);
  std::ranges::sort(keys);
  CHECK(decided == keys);
}
