// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "export/top_table.h"
#include "export_samples.h"
#include "export_text.h"

using namespace throttlelens;
using namespace throttlelens::samples;

namespace {

/// First words of the rows, between the heading and the legend.
std::vector<std::string> order(const Snapshot* before, const Snapshot& now, TopOrder by) {
  std::vector<std::string> out;
  for (const std::string& line : lines(render_top(before, now, {.order = by}))) {
    if (line.starts_with('/')) out.push_back(line.substr(0, line.find(' ')));
  }
  return out;
}

struct Pair {
  Snapshot before = empty_snapshot();
  Snapshot now = empty_snapshot();
};

/// Two seconds in which /limited had 20 periods, 9 of them throttled, for 700 ms.
Pair throttled_pair() {
  Pair out;
  out.before.cgroups = {row(1, "/"), limited_row(2, "/limited"), row(3, "/plain")};
  out.now.cgroups = out.before.cgroups;
  out.now.taken = out.before.taken + 2s;
  Bandwidth& bandwidth = *out.now.cgroups[1].bandwidth;
  bandwidth.nr_periods += 20;
  bandwidth.nr_throttled += 9;
  bandwidth.throttled_time += 700ms;
  return out;
}

}  // namespace

TEST_CASE("the table between two snapshots") {
  const Pair pair = throttled_pair();
  CHECK(lines(render_top(&pair.before, pair.now, {})) ==
        std::vector<std::string>{
            "throttlelens  tier bpf  8 CPUs  busy 2310m (29%)  idle 71%",
            "",
            "CONTAINER OR CGROUP   PEAK CPU 1s CPU 5s  LIMIT   THR%  THR/s",
            "/limited             2000m   250m  1000m  1500m    45%  350ms",
            "/plain               2000m   250m  1000m      -      -      -",
            "1000m = 1 CPU  PEAK: busiest 100ms of 60s  THR: throttled periods; time/s",
        });
}

TEST_CASE("one snapshot shows throttling since the cgroup was made") {
  const Pair pair = throttled_pair();
  const auto text = lines(render_top(nullptr, pair.before, {}));
  CHECK(text[2] == "CONTAINER OR CGROUP   PEAK CPU 1s CPU 5s  LIMIT   THR%    THR");
  CHECK(text[3] == "/limited             2000m   250m  1000m  1500m    40%   2.5s");
  CHECK(text[5].ends_with("THR: throttled since made"));
}

TEST_CASE("what is not known is a dash") {
  Pair pair = throttled_pair();
  CgroupRow& now = pair.now.cgroups[1];
  const auto throttling = [&] {
    for (const std::string& line : lines(render_top(&pair.before, pair.now, {}))) {
      if (line.starts_with("/limited")) return line.substr(line.size() - 14);
    }
    return std::string("no such row");
  };
  SECTION("a cgroup that was not there before") {
    now.key = {77};
  }
  SECTION("a counter that went backwards") {
    now.bandwidth->nr_periods = 1;
  }
  SECTION("no time between the snapshots") {
    pair.now.taken = pair.before.taken;
  }
  CHECK(throttling() == "      -      -");
}

TEST_CASE("a limited cgroup that did not run was not throttled") {
  Pair pair = throttled_pair();
  pair.now.cgroups[1].bandwidth = pair.before.cgroups[1].bandwidth;
  CHECK(render_top(&pair.before, pair.now, {}).find("  1500m     0%      0\n") !=
        std::string::npos);
}

TEST_CASE("missing windows are dashes and sort last") {
  Pair pair = throttled_pair();
  pair.now.cgroups[1].windows = {};
  const auto text = lines(render_top(&pair.before, pair.now, {}));
  CHECK(text[4] == "/limited                 -      -      -  1500m    45%  350ms");
}

TEST_CASE("the header tells losses, and why not bpf") {
  Snapshot snapshot = empty_snapshot();
  snapshot.cpus_online = 1;
  snapshot.losses.lost_switches = 9;
  snapshot.losses.recovered_switches = 8;
  snapshot.losses.missed_windows = 2;
  CHECK(lines(render_top(nullptr, snapshot, {}))[1] == "lost 1 switch, missed 2 windows");
  snapshot.losses = {};
  snapshot.probe = {.tier = "cpustat", .reason = "no\x1b[2J BTF", .kernel = "", .cgroup_mode = ""};
  for (NodeWindow& window : snapshot.node) window.idle_ratio.reset();
  const auto text = lines(render_top(nullptr, snapshot, {}));
  CHECK(text[0] == "throttlelens  tier cpustat  1 CPU  busy 2310m (231%)");
  CHECK(text[1] == "not bpf: no\\x1b[2J BTF");
  for (NodeWindow& window : snapshot.node) window.busy.reset();
  CHECK(lines(render_top(nullptr, snapshot, {}))[0] == "throttlelens  tier cpustat  1 CPU");
  snapshot.ready = false;
  CHECK(lines(render_top(nullptr, snapshot, {}))[0].ends_with("waiting for the first window"));
}

TEST_CASE("orders") {
  Pair pair;
  CgroupRow busy = row(1, "/busy");
  busy.windows[1].last = 900ms;
  CgroupRow bursty = row(2, "/bursty");
  bursty.windows[0].peak = 800ms;
  CgroupRow unknown = row(3, "/a-unknown");
  unknown.windows = {};
  CgroupRow throttled = limited_row(4, "/throttled");
  CgroupRow shorter = limited_row(5, "/shorter");
  pair.before.cgroups = {row(9, "/"), unknown, bursty, busy, shorter, throttled};
  pair.now = pair.before;
  pair.now.taken = pair.before.taken + 1s;
  pair.now.cgroups[4].bandwidth->throttled_time += 1ms;
  pair.now.cgroups[5].bandwidth->throttled_time += 2ms;
  using Paths = std::vector<std::string>;
  CHECK(order(&pair.before, pair.now, TopOrder::cpu) ==
        Paths{"/busy", "/bursty", "/shorter", "/throttled", "/a-unknown"});
  CHECK(order(&pair.before, pair.now, TopOrder::peak) ==
        Paths{"/bursty", "/busy", "/shorter", "/throttled", "/a-unknown"});
  CHECK(order(&pair.before, pair.now, TopOrder::throttled) ==
        Paths{"/throttled", "/shorter", "/a-unknown", "/bursty", "/busy"});
  CHECK(order(&pair.before, pair.now, TopOrder::path) ==
        Paths{"/a-unknown", "/bursty", "/busy", "/shorter", "/throttled"});
}

TEST_CASE("the root is a row only when it is alone") {
  Snapshot snapshot = empty_snapshot();
  snapshot.cgroups = {row(1, "/")};
  CHECK(order(nullptr, snapshot, TopOrder::cpu) == std::vector<std::string>{"/"});
}

TEST_CASE("rows are cut to what was asked for, and the rest is counted") {
  const Pair pair = throttled_pair();
  const auto text = lines(render_top(&pair.before, pair.now, {.rows = 1}));
  CHECK(text[3].starts_with("/limited"));
  CHECK(text[4] == "and 1 more");
  CHECK(lines(render_top(&pair.before, pair.now, {.rows = 0})).size() == 6);
}

TEST_CASE("no line is wider than the terminal, whatever is in it") {
  Pair pair = throttled_pair();
  pair.now.probe.reason = std::string(300, 'r');
  CgroupRow huge = limited_row(7, "/" + std::string(5000, 'x') + "/end");
  huge.windows[1].last = 5'000'000s;
  huge.alive = false;
  pair.now.cgroups.push_back(huge);
  for (std::size_t width = 0; width <= 200; ++width) {
    const std::string text = render_top(&pair.before, pair.now, {.width = width});
    const auto all = lines(text);
    const auto widest = std::max_element(
        all.begin(), all.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    CAPTURE(width, *widest);
    REQUIRE(widest->size() <= width);
    REQUIRE(all.size() <= 3 + kTopExtraLines);
  }
  CHECK(render_top(&pair.before, pair.now, {}).find("xx/end (ended) ") != std::string::npos);
}

TEST_CASE("no byte of a path reaches the terminal as a command") {
  Snapshot snapshot = empty_snapshot();
  std::string path = "/";
  for (int byte = 1; byte < 256; ++byte) path += static_cast<char>(byte);
  snapshot.cgroups = {row(1, path)};
  const std::string text = render_top(nullptr, snapshot, {.width = 2000});
  CHECK(std::all_of(text.begin(), text.end(),
                    [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  CHECK(text.find("\\x1b") != std::string::npos);
}

TEST_CASE("colours add nothing but colours") {
  const Pair pair = throttled_pair();
  std::string colored = render_top(&pair.before, pair.now, {.color = true});
  CHECK(colored.find("\x1b[31m45%\x1b[0m") != std::string::npos);
  for (std::size_t at = 0; (at = colored.find('\x1b')) != std::string::npos;) {
    colored.erase(at, colored.find('m', at) + 1 - at);
  }
  CHECK(colored == render_top(&pair.before, pair.now, {}));
}

TEST_CASE("durations are short and do not round into the next unit") {
  Pair pair = throttled_pair();
  pair.before.cgroups = {};
  const auto shown = [&](Nanoseconds time) {
    pair.now.cgroups[1].bandwidth->throttled_time = time;
    const std::string line = lines(render_top(nullptr, pair.now, {}))[3];
    return line.substr(line.rfind(' ') + 1);
  };
  CHECK(shown(0ns) == "0");
  CHECK(shown(1ns) == "1us");
  CHECK(shown(350us) == "350us");
  CHECK(shown(999'600ns) == "1.0ms");
  CHECK(shown(9'960us) == "10ms");
  CHECK(shown(999'600us) == "1.0s");
  CHECK(shown(59'960ms) == "1m00s");
  CHECK(shown(3599s) == "59m59s");
  CHECK(shown(2h + 5min) == "2h05m");
  CHECK(shown(76h) == "3d04h");
}
