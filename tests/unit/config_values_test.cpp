// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "config_helpers.h"

using namespace throttlelens;
using namespace std::chrono_literals;

TEST_CASE("every key sets its field and no other") {
  const auto config = parse_config(R"(
listen: '[::]:80'
web_config_file: tls/web.yml
windows:
  base: 50ms
  reported:
    - 50ms
    - "0.5s"
  history: 1h
probe:
  mode: cpustat
cgroup:
  root: "/sys/fs/cgroup/\u00fc"
  include: [/kubepods.slice/*, '*/x']
  exclude: ["/a b"]
runtimes: {
  containerd: [/c1,
    /c2],
  crio: [/o], docker: [], podman: [/p]
}
metrics:
  exclude: ["throttlelens_cgroup_*", process_open_fds]
limits:
  max_cgroups: 16
  max_series: 4294967295
  keep_ended: 1.5m
log:
  level: off
  format: json
)",
                                   "f");
  REQUIRE(config.has_value());
  Config expected;
  expected.listen = "[::]:80";
  expected.web_config_file = "tls/web.yml";
  expected.windows = {.base = 50ms, .reported = {50ms, 500ms}, .history = 1h};
  expected.probe.mode = ProbeMode::cpustat;
  expected.cgroup = {.root = "/sys/fs/cgroup/\xc3\xbc",
                     .include = {"/kubepods.slice/*", "*/x"},
                     .exclude = {"/a b"}};
  expected.runtimes = {
      .containerd = {"/c1", "/c2"}, .crio = {"/o"}, .docker = {}, .podman = {"/p"}};
  expected.metrics.exclude = {"throttlelens_cgroup_*", "process_open_fds"};
  expected.limits = {.max_cgroups = 16, .max_series = 4294967295, .keep_ended = 90s};
  expected.log = {.level = LogLevel::off, .format = LogFormat::json};
  CHECK(*config == expected);
}

TEST_CASE("one key set leaves the others at their defaults") {
  for (const auto& [yaml, level] :
       std::vector<std::pair<std::string, LogLevel>>{{"trace", LogLevel::trace},
                                                     {"debug", LogLevel::debug},
                                                     {"info", LogLevel::info},
                                                     {"warning", LogLevel::warning},
                                                     {"error", LogLevel::error},
                                                     {"off", LogLevel::off}}) {
    const auto config = parse_config("log: {level: " + yaml + "}", "f");
    REQUIRE(config.has_value());
    Config expected;
    expected.log.level = level;
    CHECK(*config == expected);
  }
  for (const auto& [yaml, mode] :
       std::vector<std::pair<std::string, ProbeMode>>{{"auto", ProbeMode::automatic},
                                                      {"bpf", ProbeMode::bpf},
                                                      {"cpustat", ProbeMode::cpustat}}) {
    const auto config = parse_config("probe: {mode: \"" + yaml + "\"}", "f");
    REQUIRE(config.has_value());
    Config expected;
    expected.probe.mode = mode;
    CHECK(*config == expected);
  }
}

TEST_CASE("a choice that there is not comes with those there are") {
  CHECK(problem_of("log:\n  level:   debg\n") ==
        "f:2:12: log.level: unknown value \"debg\"; valid values are trace, debug, info, warning, "
        "error, off; did you mean \"debug\"?");
  CHECK(problem_of("log: {format: xml}\n") ==
        "f:1:15: log.format: unknown value \"xml\"; valid values are text, json");
  CHECK(problem_of("probe:\n  mode: 'BPF'\n") ==
        "f:2:9: probe.mode: unknown value \"BPF\"; valid values are auto, bpf, cpustat; did you "
        "mean \"bpf\"?");
}

TEST_CASE("values of the wrong type") {
  CHECK(problem_of("listen: [127.0.0.1:1]\n") ==
        "f:1:9: listen must be a single value, not a list");
  CHECK(problem_of("log:\n  level: {a: b}\n") ==
        "f:2:10: log.level must be a single value, not a map of keys");
  CHECK(problem_of("log:\n  level:\n  format: text\n") ==
        "f:2:3: log.level has no value; write one, or remove it");
  CHECK(problem_of("log:\n  level: ~\n") ==
        "f:2:3: log.level has no value; write one, or remove it");
  CHECK(problem_of("cgroup:\n  include: /a\n") ==
        "f:2:12: cgroup.include must be a list, not a single value; write [ITEM, ITEM] or one "
        "\"- ITEM\" a line");
  CHECK(problem_of("cgroup:\n  include: {/a: }\n") ==
        "f:2:12: cgroup.include must be a list, not a map of keys; write [ITEM, ITEM] or one "
        "\"- ITEM\" a line");
  CHECK(problem_of("cgroup:\n  include:\n  root: /a\n") ==
        "f:2:3: cgroup.include has no value; write [] for an empty list, or remove it");
  CHECK(problem_of("cgroup:\n  include:\n    -\n    - /a\n") ==
        "f:3:5: item 1 of cgroup.include has no value; write one, or remove it");
  CHECK(problem_of("cgroup:\n  include:\n    - /a\n    - [/b]\n") ==
        "f:4:7: item 2 of cgroup.include must be a single value, not a list");
  for (const auto* const value : {"12", "1.5", "-1e3", "true", "FALSE", "1e999"}) {
    CHECK(problem_of("web_config_file: " + std::string(value) + "\n") ==
          "f:1:18: web_config_file must be text, not a number or boolean; put " +
              std::string(value) + " in quotes if it is meant");
    CHECK(problems_of("web_config_file: '" + std::string(value) + "'\n").empty());
  }
}

TEST_CASE("counts have a range") {
  const std::string cgroups = "limits.max_cgroups must be a whole number from 16 to 65535, not ";
  for (const auto* const value : {"15", "65536", "-16", "4294967312", "99999999999999999999", "1e3",
                                  "0x100", "0100", "+100", "100.0", "1_000", "many"}) {
    CHECK(problem_of("limits:\n  max_cgroups: " + std::string(value) + "\n") ==
          "f:2:16: " + cgroups + "\"" + value + "\"");
  }
  CHECK(problem_of("limits: {max_cgroups: \"100\"}\n") ==
        "f:1:23: " + cgroups + "text; remove the quotes");
  CHECK(
      problem_of("metrics: {exclude: [a*, b c]}\n") ==
      "f:1:25: item 2 of metrics.exclude: \"b c\" matches no metric; names are letters, digits and "
      "\"_\", as in \"throttlelens_cgroup_*\"");
  CHECK(problem_of("limits: {max_series: 99}\n") ==
        "f:1:22: limits.max_series must be a whole number of at least 100, not \"99\"");
  CHECK(problem_of("limits: {keep_ended: 61m}\n") ==
        "f:1:22: limits.keep_ended: \"61m\" is out of range; use 0s to 1h");
  CHECK(problem_of("limits: {keep_ended: 60}\n").find("has no unit") != std::string::npos);
  CHECK(problems_of("limits: {keep_ended: 0s}\n").empty());
  CHECK(problems_of("limits: {max_cgroups: 65535, max_series: 100}\n").empty());
}

TEST_CASE("paths are absolute and hold no NUL") {
  CHECK(problem_of("cgroup: {root: sys/fs}\n") ==
        "f:1:16: cgroup.root: \"sys/fs\" is not an absolute path; start it with \"/\"");
  CHECK(problem_of("cgroup: {root: \"\"}\n") ==
        "f:1:16: cgroup.root: \"\" is not an absolute path; start it with \"/\"");
  CHECK(problem_of("cgroup: {root: \"/a\\0b\"}\n") ==
        "f:1:16: cgroup.root: \"/a\\x00b\" contains a NUL character; remove it");
  CHECK(problem_of("web_config_file: \"a\\0\"\n") ==
        "f:1:18: web_config_file: \"a\\x00\" contains a NUL character; remove it");
  for (const std::string runtime : {"containerd", "crio", "docker", "podman"}) {
    const Lines expected{"f:2:" + std::to_string(runtime.size() + 10) + ": item 2 of runtimes." +
                             runtime + ": \"b\" is not an absolute path; start it with \"/\"",
                         "f:2:" + std::to_string(runtime.size() + 13) + ": item 3 of runtimes." +
                             runtime + ": \"/\\x00\" contains a NUL character; remove it"};
    CHECK(problems_of("runtimes:\n  " + runtime + ": [/a, b, \"/\\0\"]\n") == expected);
  }
  const std::string no_match =
      "matches no cgroup; cgroup paths start with \"/\", as in \"/system.slice/*\"";
  CHECK(problem_of("cgroup:\n  exclude: [system.slice]\n") ==
        "f:2:13: item 1 of cgroup.exclude: \"system.slice\" " + no_match);
  CHECK(problems_of("cgroup: {include: [/a, '*b', '?c', '[/]d', '\\/e']}\n").empty());
  CHECK(problem_of("cgroup:\n  include: ['']\n") ==
        "f:2:13: item 1 of cgroup.include: \"\" " + no_match);
}

TEST_CASE("all problems are found, in the order of the file") {
  const Lines places = places_of(R"(windows:
  reported: [1s, 50ms]
  base: 100us
listen: nowhere
cgrop: {}
log:
  level: loud
  level: info
  colour: yes
limits: {max_cgroups: 1, max_series: 1}
listen: 127.0.0.1:1
probe: [bpf]
)");
  CHECK(places ==
        Lines{"2:18", "3:9", "4:9", "5:1", "7:10", "8:3", "9:3", "10:23", "10:38", "11:1", "12:8"});
}
