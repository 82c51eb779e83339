// SPDX-License-Identifier: Apache-2.0
// Containers and pods in the table.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "export/top_table.h"
#include "export_samples.h"
#include "export_text.h"

using namespace throttlelens;
using namespace throttlelens::samples;

namespace {

using Names = std::vector<std::string>;

/// The first column of the rows, without the blanks behind it.
Names names(const Snapshot& snapshot, std::size_t width = 200) {
  const TopOptions options{.order = TopOrder::path, .rows = 0, .width = width};
  Names out = lines(render_top(nullptr, snapshot, options));
  const auto heading = std::ranges::find_if(
      out, [](const std::string& line) { return line.starts_with("CONTAINER OR CGROUP"); });
  REQUIRE(heading != out.end());
  const std::size_t end = heading->find("PEAK") - 3;  // six columns, right-aligned
  out.erase(out.begin(), heading + 1);
  out.pop_back();
  for (std::string& line : out) {
    line.resize(end);
    line.erase(line.find_last_not_of(' ') + 1);
  }
  return out;
}

ContainerRow with(ContainerRow row, void (*change)(ContainerIdentity&)) {
  auto identity = std::make_shared<ContainerIdentity>(*row.identity);
  change(*identity);
  row.identity = std::move(identity);
  return row;
}

/// The two cells of throttling of the only row.
std::string throttling(const Snapshot& before, const Snapshot& now) {
  const std::string line = lines(render_top(&before, now, {}))[3];
  return line.substr(line.size() - 13);
}

}  // namespace

TEST_CASE("the table names containers as people do, and leaves out what only holds them") {
  Snapshot snapshot = empty_snapshot();
  const std::string id = "0123456789abcdef" + std::string(48, '0');
  snapshot.containers = {
      container(row(1, "/1"), "shop", "cart-1", "app"),
      with(container(row(2, "/2"), "", "", "web"),
           [](ContainerIdentity& who) { who.runtime = "podman"; }),
      with(container(row(3, "/3"), "", "", id),
           [](ContainerIdentity& who) { who.from_files = false; }),
      with(container(row(4, "/4"), "", "0a1b-2c", id),
           [](ContainerIdentity& who) { who.from_files = false; }),
      with(container(row(5, "/5"), "", "", "unknown"),
           [](ContainerIdentity& who) { who.runtime = ""; }),
  };
  snapshot.containers.push_back(container(row(6, "/6"), "shop", "cart-1", "old"));
  snapshot.containers.back().cpu.alive = false;
  snapshot.pods = {pod(row(7, "/7"), "shop", "cart-1"), pod(limited_row(8, "/8"), "shop", "cart-2"),
                   pod(limited_row(9, "/9"), "shop", "cart-3"),
                   pod(limited_row(10, "/10"), "shop", "cart-4")};
  snapshot.pods[2].cpu.bandwidth->limit.reset();  // but it was throttled
  snapshot.pods[2].cpu.alive = false;
  snapshot.pods[3].cpu.bandwidth->limit.reset();
  snapshot.pods[3].cpu.bandwidth->nr_throttled = 0;
  snapshot.cgroups = {row(20, "/"), row(21, "/kubepods"), row(22, "/kubepods/pod1"),
                      row(23, "/system.slice")};
  for (std::size_t i = 0; i < 3; ++i) snapshot.cgroups[i].holds_containers = true;
  CHECK(names(snapshot) == Names{"/system.slice", "containerd:0123456789ab",
                                 "containerd:0a1b-2c/0123456789ab", "podman:web", "shop/cart-1/app",
                                 "shop/cart-1/old (ended)", "shop/cart-2 (pod)",
                                 "shop/cart-3 (pod, ended)", "unknown"});
}

TEST_CASE("containers and pods are matched by their names, not by their cgroups") {
  Snapshot before = empty_snapshot();
  before.containers = {container(limited_row(1, "/1"), "shop", "cart-1", "app")};
  Snapshot pods_before = empty_snapshot();
  pods_before.pods = {pod(limited_row(1, "/1"), "shop", "cart-1")};
  CgroupRow restarted = limited_row(99, "/99");
  restarted.bandwidth->nr_periods += 20;
  restarted.bandwidth->nr_throttled += 9;
  restarted.bandwidth->throttled_time += 700ms;
  Snapshot now = empty_snapshot();
  now.taken = before.taken + 2s;
  SECTION("container") {
    now.containers = {container(restarted, "shop", "cart-1", "app")};
    CHECK(throttling(before, now) == "   45%  350ms");
    now.containers = {container(restarted, "shop", "cart-1", "other")};
    CHECK(throttling(before, now) == "     -      -");
  }
  SECTION("pod") {
    now.pods = {pod(restarted, "shop", "cart-1")};
    CHECK(throttling(pods_before, now) == "   45%  350ms");
    now.pods = {pod(restarted, "shop", "cart-2")};
    CHECK(throttling(pods_before, now) == "     -      -");
  }
}

TEST_CASE("a long name keeps the ends of pod and container") {
  Snapshot snapshot = empty_snapshot();
  snapshot.containers = {container(row(1, "/1"), "production-europe-west",
                                   "checkout-service-7d9f8b6c5d-x2x4z", "istio-proxy")};
  CHECK(names(snapshot, 80) == Names{"prod.../checko...c5d-x2x4z/istio-proxy"});
  snapshot.containers[0].cpu.alive = false;
  snapshot.pods = {
      pod(limited_row(2, "/2"), "production-europe-west", "checkout-service-7d9f8b6c5d-x2x4z")};
  for (std::size_t width = 0; width <= 160; ++width) {
    for (const std::string& line :
         lines(render_top(nullptr, snapshot, {.order = TopOrder::path, .width = width}))) {
      REQUIRE(line.size() <= width);
    }
    if (width < 40) continue;
    CAPTURE(width);
    const std::string text =
        render_top(nullptr, snapshot, {.order = TopOrder::path, .width = width});
    CHECK(text.find("-x2x4z (pod) ") != std::string::npos);
    CHECK(text.find("proxy (ended) ") != std::string::npos);
  }
}

TEST_CASE("no byte of a container's name reaches the terminal as a command") {
  Snapshot snapshot = empty_snapshot();
  std::string hostile;
  for (int byte = 1; byte < 256; ++byte) hostile += static_cast<char>(byte);
  snapshot.containers = {container(row(1, "/1"), hostile, hostile, hostile),
                         with(container(row(2, "/2"), "", "", "x"),
                              [](ContainerIdentity& who) { who.runtime = "\x1b[2J"; })};
  snapshot.pods = {pod(limited_row(3, "/3"), hostile, hostile)};
  for (const std::size_t width : {80UZ, 4000UZ}) {
    const std::string text = render_top(nullptr, snapshot, {.width = width});
    CHECK(std::ranges::all_of(text, [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); }));
  }
}
