// SPDX-License-Identifier: Apache-2.0
// What the table says of waits: the reason, the numbers beside it, and the orders they make.
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

using Lines = std::vector<std::string>;

/// The waits are of its 5 s.
CgroupRow waited(CgroupRow row, std::optional<Why> why, Nanoseconds throttle,
                 Nanoseconds contention) {
  row.waits.emplace();
  row.windows[2].waits.emplace();
  row.windows[2].waits->throttle = throttle;
  row.windows[2].waits->contention = contention;
  row.why = why;
  return row;
}

/// One row of each reason, and one of which nothing is known.
Snapshot all_reasons() {
  Snapshot snapshot = empty_snapshot();
  snapshot.cgroups = {waited(limited_row(1, "/quota"), Why::quota, 10s, 5ms),
                      waited(row(2, "/pod"), Why::pod_quota, 1s, 0s),
                      waited(row(3, "/ancestor"), Why::ancestor_quota, 500ms, 1ms),
                      waited(row(4, "/neighbours"), Why::neighbours, 0s, 2500ms),
                      waited(row(5, "/threads"), Why::own_threads, 0s, 30s),
                      waited(row(6, "/fine"), Why::fine, 0s, 5us),
                      row(7, "/unknown")};
  return snapshot;
}

Lines table(const Snapshot& snapshot, std::size_t width, TopOrder order = TopOrder::path) {
  return lines(render_top(nullptr, snapshot, {.order = order, .width = width}));
}

/// First words of the rows.
Lines order(const Snapshot& snapshot, TopOrder by) {
  Lines out;
  for (const std::string& line : table(snapshot, 120, by)) {
    if (line.starts_with('/')) out.push_back(line.substr(0, line.find(' ')));
  }
  return out;
}

bool has_column(const Lines& text, std::string_view heading) {
  const auto found = std::ranges::find_if(
      text, [](const std::string& line) { return line.starts_with("CONTAINER OR CGROUP"); });
  return found != text.end() &&
         (*found + " ").find(" " + std::string(heading) + " ") != found->npos;
}

}  // namespace

TEST_CASE("each reason has a word, and waits stand beside it per second of the longest window") {
  CHECK(table(all_reasons(), 120) ==
        Lines{
            "throttlelens  tier bpf  8 CPUs  busy 2310m (29%)  idle 71%",
            "",
            "CONTAINER OR CGROUP   PEAK CPU 1s CPU 5s  LIMIT   THR%    THR QUOTA-WAIT CPU-WAIT     "
            "       WHY",
            "/ancestor            2000m   250m  1000m      -      -      -      100ms    200us "
            "ancestor quota",
            "/fine                2000m   250m  1000m      -      -      -          0      1us     "
            "      fine",
            "/neighbours          2000m   250m  1000m      -      -      -          0    500ms     "
            "neighbours",
            "/pod                 2000m   250m  1000m      -      -      -      200ms        0     "
            " pod quota",
            "/quota               2000m   250m  1000m  1500m    40%   2.5s       2.0s    1.0ms     "
            "     quota",
            "/threads             2000m   250m  1000m      -      -      -          0     6.0s    "
            "own threads",
            "/unknown             2000m   250m  1000m      -      -      -          -        -     "
            "         -",
            "1000m = 1 CPU  PEAK: busiest 100ms of 60s  THR: throttled since made  WAIT: time "
            "threads waited, per second",
            "WHY: what held it back in the last 5s",
        });
}

TEST_CASE("a tier that knows no waits has no columns of them") {
  Snapshot snapshot = all_reasons();
  snapshot.cgroups = {row(1, "/a"), limited_row(2, "/b")};
  const Lines text = table(snapshot, 200);
  CHECK(has_column(text, "THR%"));
  for (const char* heading : {"WHY", "QUOTA-WAIT", "CPU-WAIT"})
    CHECK_FALSE(has_column(text, heading));
  CHECK(text.back().find("WAIT") == std::string::npos);
  CHECK(text.back().find("WHY") == std::string::npos);
}

TEST_CASE("columns of waits are there before the first long window is") {
  Snapshot snapshot = empty_snapshot();
  snapshot.cgroups = {row(1, "/a")};
  snapshot.cgroups[0].waits.emplace();
  const Lines text = table(snapshot, 120);
  CHECK(has_column(text, "WHY"));
  CHECK(text[3].ends_with("-        -      -"));
}

TEST_CASE("a terminal of 80 columns keeps what answers the question") {
  Snapshot snapshot = empty_snapshot();
  CgroupRow cpu = waited(limited_row(1, "/1"), Why::quota, 10s, 5ms);
  snapshot.containers = {container(cpu, "shop", "web-0", "app")};
  Lines text = table(snapshot, 80);
  for (const char* heading : {"1s", "LIMIT", "THR%", "PEAK", "QUOTA-WAIT", "CPU-WAIT", "WHY"}) {
    CAPTURE(heading);
    CHECK(has_column(text, heading));
  }
  CHECK_FALSE(has_column(text, "5s"));
  CHECK(text.back().find("WHY") != std::string::npos);

  // Long names and the longest word take more columns, but never these.
  snapshot.containers = {
      container(cpu, "production-europe-west", "checkout-service-7d9f8b6c5d-x2x4z", "istio-proxy")};
  snapshot.containers[0].cpu.why = Why::ancestor_quota;
  text = table(snapshot, 80);
  for (const char* heading : {"1s", "LIMIT", "QUOTA-WAIT", "CPU-WAIT", "WHY"}) {
    CAPTURE(heading);
    CHECK(has_column(text, heading));
  }
  CHECK(text[3].find("x2x4z/istio-proxy ") != std::string::npos);
  CHECK_FALSE(has_column(text, "PEAK"));
  for (const std::string& line : text) CHECK(line.find("PEAK:") == std::string::npos);
}

TEST_CASE("the narrower, the less; name, use, reason and limit go last") {
  const Lines last{"CPU-WAIT", "QUOTA-WAIT", "LIMIT", "WHY", "1s"};
  std::size_t shown = last.size();
  for (std::size_t width = 80; width >= 19; --width) {
    const Lines text = table(all_reasons(), width);
    CAPTURE(width);
    for (const std::string& line : text) REQUIRE(line.size() <= width);
    REQUIRE(text.size() <= 7 + kTopExtraLines);
    std::size_t now = 0;
    for (const std::string& heading : last) now += has_column(text, heading) ? 1 : 0;
    CHECK(now <= shown);
    shown = now;
    for (std::size_t i = 0; i < last.size() - now; ++i) CHECK_FALSE(has_column(text, last[i]));
  }
  CHECK(shown == 0);
}

TEST_CASE("by default what is held back comes first, each by use") {
  Snapshot snapshot = all_reasons();
  const auto use = [&snapshot](std::size_t i, Nanoseconds used) {
    snapshot.cgroups[i].windows[1].last = used;
  };
  use(5, 8s);     // fine, and the busiest of all
  use(3, 700ms);  // neighbours
  use(6, 900ms);  // unknown
  use(0, 600ms);  // quota
  CHECK(order(snapshot, TopOrder::why) ==
        Lines{"/neighbours", "/quota", "/ancestor", "/pod", "/threads", "/fine", "/unknown"});
  CHECK(TopOptions{}.order == TopOrder::why);
  CHECK(order(snapshot, TopOrder::cpu) ==
        Lines{"/fine", "/unknown", "/neighbours", "/quota", "/ancestor", "/pod", "/threads"});
}

TEST_CASE("by waiting time, of both causes together") {
  Snapshot snapshot = all_reasons();
  snapshot.cgroups[0].windows[2].waits->contention = 21s;  // 31 s with the wait for quota
  CHECK(order(snapshot, TopOrder::wait) ==
        Lines{"/quota", "/threads", "/neighbours", "/pod", "/ancestor", "/fine", "/unknown"});
}

TEST_CASE("reasons are coloured: what a limit does, what others do") {
  const Snapshot snapshot = all_reasons();
  const std::string text = render_top(nullptr, snapshot, {.width = 120, .color = true});
  for (const char* word : {"quota", "pod quota", "ancestor quota"}) {
    CHECK(text.find("\x1b[31m" + std::string(word) + "\x1b[0m") != std::string::npos);
  }
  for (const char* word : {"neighbours", "own threads"}) {
    CHECK(text.find("\x1b[33m" + std::string(word) + "\x1b[0m") != std::string::npos);
  }
  CHECK(text.find(" fine\n") != std::string::npos);
}
