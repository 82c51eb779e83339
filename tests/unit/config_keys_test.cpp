// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "config_helpers.h"

using namespace throttlelens;

TEST_CASE("an unknown key comes with the nearest valid one") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"lisen: x\n", "f:1:1: unknown key \"lisen\"; did you mean \"listen\"?"},
      {"lsiten: x\n", "f:1:1: unknown key \"lsiten\"; did you mean \"listen\"?"},
      {"Listen: x\n", "f:1:1: unknown key \"Listen\"; did you mean \"listen\"?"},
      {"window: {}\n", "f:1:1: unknown key \"window\"; did you mean \"windows\"?"},
      {"log: {}\nprobes:\n  mode: x\n", "f:2:1: unknown key \"probes\"; did you mean \"probe\"?"},
      {"windows:\n  bse: 1s\n",
       "f:2:3: unknown key \"bse\" in \"windows\"; did you mean \"base\"?"},
      {"limits: {maxCgroups: 20}\n",
       "f:1:10: unknown key \"maxCgroups\" in \"limits\"; did you mean \"max_cgroups\"?"},
      {"runtimes:\n  \"cri-o\": []\n",
       "f:2:3: unknown key \"cri-o\" in \"runtimes\"; did you mean \"crio\"?"},
  };
  for (const auto& [yaml, expected] : cases) CHECK(problem_of(yaml) == expected);
}

TEST_CASE("a known key in the wrong place comes with the right one") {
  CHECK(problem_of("level: debug\n") ==
        "f:1:1: unknown key \"level\"; did you mean \"level\" indented below \"log\"?");
  CHECK(problem_of("probe.mode: auto\n") ==
        "f:1:1: unknown key \"probe.mode\"; did you mean \"mode\" indented below \"probe\"?");
  CHECK(problem_of("log:\n  root: /a\n") ==
        "f:2:3: unknown key \"root\" in \"log\"; did you mean \"root\" indented below \"cgroup\"?");
  CHECK(problem_of("log:\n  listen: a\n") ==
        "f:2:3: unknown key \"listen\" in \"log\"; did you mean \"listen\" at the top, not "
        "indented?");
  CHECK(problem_of("windows:\n  base: 1s\n  reported: [1s]\n  log:\n") ==
        "f:4:3: unknown key \"log\" in \"windows\"; it is a section of its own, start it in the "
        "first column");
}

TEST_CASE("an unknown key near no other comes with all there are") {
  CHECK(problem_of("<<: x\n") ==
        "f:1:1: unknown key \"<<\"; valid keys here are listen, web_config_file, windows, probe, "
        "cgroup, runtimes, metrics, limits, log");
  CHECK(problem_of("probe: {x: y}\n") ==
        "f:1:9: unknown key \"x\" in \"probe\"; valid keys here are mode");
  CHECK(problem_of("\"\": x\n").starts_with("f:1:1: unknown key \"\"; valid keys here are "));
  CHECK(problem_of(std::string(900, 'x') + ": x\n")
            .starts_with("f:1:1: unknown key \"" + std::string(60, 'x') + "...\"; valid keys"));
}

TEST_CASE("a duplicate key names the line of the first") {
  CHECK(problem_of("listen: 127.0.0.1:1\nlog: {}\nlisten: 127.0.0.1:2\n") ==
        "f:3:1: duplicate key \"listen\", first written in line 1; remove one of them");
  CHECK(problem_of("log:\n  level: info\n  \"level\": off\n") ==
        "f:3:3: duplicate key \"level\", first written in line 2; remove one of them");
  CHECK(problem_of("log: {level: info}\nlog: {format: json}\n") ==
        "f:2:1: duplicate key \"log\", first written in line 1; remove one of them");
  CHECK(places_of("log: {a: 1, a: 1, a: 1}\n") == Lines{"1:7", "1:13", "1:19"});
}

TEST_CASE("keys must be text") {
  const Lines expected{"f:1:3: a key must be plain text; write \"key: value\"",
                       "f:3:1: a key must be plain text; write \"key: value\""};
  CHECK(problems_of("? [a]\n: b\n~: c\n") == expected);
}

TEST_CASE("sections take keys, and nothing means the defaults") {
  const std::string section = "below it, indented, write one or more of: level, format";
  CHECK(problem_of("log: info\n") == "f:1:6: log is a section; " + section);
  CHECK(problem_of("log:\n  - info\n") == "f:2:3: log is a section; " + section);
  CHECK(problem_of("listen 127.0.0.1:1\n") ==
        "f:1:1: the file must be a map; write \"key: value\" lines");
  CHECK(problem_of("# comment\n- listen\n") ==
        "f:2:1: the file must be a map; write \"key: value\" lines");
  for (const auto* const yaml :
       {"", "\n", "# only\n", "---\n", "{}", "~", "log:\n", "log:\n  # x\n", "---\n# x\n...\n",
        "\xef\xbb\xbf", "\xef\xbb\xbflog:\r\n"}) {
    INFO(yaml);
    const auto config = parse_config(yaml, "f");
    REQUIRE(config.has_value());
    CHECK(*config == Config{});
  }
}
