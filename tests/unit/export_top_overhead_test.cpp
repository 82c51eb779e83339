// SPDX-License-Identifier: Apache-2.0
// What pods cost in the live table, and its filter.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "export/top_table.h"
#include "export_samples.h"
#include "export_text.h"

using namespace throttlelens;
using namespace throttlelens::samples;

namespace {

using Lines = std::vector<std::string>;

struct Pair {
  Snapshot before;
  Snapshot now;
};

OverheadRow costs(std::uint64_t id, std::string pod, std::string container, Nanoseconds shim) {
  OverheadRow out = overhead(pod.empty() ? "" : "shop", pod, container);
  out.id = id;
  out.parts[0] = {.cpu = shim, .private_memory = 3 << 20};
  return out;
}

/// In 2 s the shim of a-1 used 3 ms and its runc began and used 4 ms, that of b-1 11 ms.
Pair pods() {
  Snapshot now = empty_snapshot();
  now.containers = {container(row(9, "/9"), "", "", "web"),
                    container(row(1, "/1"), "shop", "a-1", "app"),
                    container(row(2, "/2"), "shop", "a-1", "side"),
                    container(limited_row(3, "/3"), "shop", "b-1", "app")};
  now.pods = {pod(row(4, "/4"), "shop", "a-1"), pod(limited_row(5, "/5"), "shop", "b-1"),
              pod(row(6, "/6"), "shop", "c-1")};
  now.overhead = {costs(10, "", "web", 1s), costs(11, "a-1", "", 1s), costs(12, "b-1", "", 1s),
                  costs(13, "c-1", "", 1s), costs(14, "gone", "", 1s)};
  Pair out{.before = now, .now = std::move(now)};
  out.now.taken = out.before.taken + 2s;
  out.now.overhead[1].parts[0].cpu = 1003ms;
  out.now.overhead[1].parts[1].cpu = 4ms;
  out.now.overhead[2].parts[0].cpu = 1011ms;
  return out;
}

Lines table(const Pair& pair, TopOptions options) {
  return lines(render_top(&pair.before, pair.now, options));
}

/// The cell below a heading in the row of the name; "none" without such a row.
std::string cell(const Lines& text, std::string_view heading, std::string_view name) {
  const auto head = std::ranges::find_if(
      text, [](const std::string& line) { return line.starts_with("CONTAINER OR CGROUP"); });
  REQUIRE(head != text.end());
  const std::size_t end = head->find(heading) + heading.size();
  for (const std::string& line : text) {
    if (!line.starts_with(std::string(name) + " ")) continue;
    const std::size_t start = line.rfind(' ', end - 1) + 1;
    return line.substr(start, end - start);
  }
  return "none";
}

Lines names(const Lines& text) {
  Lines out;
  for (const std::string& line : text) {
    if (line.starts_with("shop/") || line.starts_with("containerd:")) {
      out.push_back(line.substr(0, line.find("  ")));
    }
  }
  return out;
}

}  // namespace

TEST_CASE("what a pod costs stands once: in its own row, or its first container's") {
  const Lines text = table(pods(), {.order = TopOrder::path, .width = 160});
  CHECK(cell(text, "OVERHEAD", "shop/a-1/app") == "3.5m");
  CHECK(cell(text, "OVERHEAD", "shop/a-1/side") == "-");
  CHECK(cell(text, "OVERHEAD", "shop/b-1 (pod)") == "5.5m");
  CHECK(cell(text, "OVERHEAD", "shop/b-1/app") == "-");
  CHECK(cell(text, "OVERHEAD", "containerd:web") == "0m");
  CHECK(cell(text, "MEMORY", "shop/a-1/app") == "3.0MiB");
  CHECK(cell(text, "MEMORY", "shop/a-1/side") == "-");
  // Without a container, so that somebody sees it; one that has no row at all has none.
  CHECK(cell(text, "OVERHEAD", "shop/c-1 (pod)") == "0m");
  CHECK(cell(text, "OVERHEAD", "shop/gone (pod)") == "none");
}

TEST_CASE("overhead that cannot be told is a dash") {
  Pair pair = pods();
  SECTION("the row is new") {
    pair.now.overhead[1].id = 99;
  }
  SECTION("a counter went back") {
    pair.now.overhead[1].parts[0].cpu = 1ms;
    pair.now.overhead[1].parts[1].cpu.reset();
  }
  SECTION("no time has passed") {
    pair.now.taken = pair.before.taken;
  }
  CHECK(cell(table(pair, {.width = 160}), "OVERHEAD", "shop/a-1/app") == "-");
  CHECK(cell(lines(render_top(nullptr, pair.now, {.width = 160})), "OVERHEAD", "shop/a-1/app") ==
        "-");
}

TEST_CASE("memory of a pod is told once all that it has was read") {
  OverheadParts parts;
  CHECK_FALSE(private_memory(parts));
  parts[0].cpu = 1s;  // the shim
  parts[2] = {.cpu = 1ms, .private_memory = 65536};
  CHECK_FALSE(private_memory(parts));
  parts[0].private_memory = 3000000;
  CHECK(private_memory(parts) == 3065536U);
  parts[1].cpu = 1s;  // runc, which never is
  CHECK(private_memory(parts) == 3065536U);
  parts[3].cpu = 1ms;
  CHECK_FALSE(private_memory(parts));
}

TEST_CASE("by overhead and by memory") {
  Pair pair = pods();
  pair.now.overhead[0].parts[0].private_memory = 9 << 20;
  CHECK(names(table(pair, {.order = TopOrder::overhead, .width = 160})).front() ==
        "shop/b-1 (pod)");
  CHECK(names(table(pair, {.order = TopOrder::memory, .width = 160})).front() == "containerd:web");
}

TEST_CASE("what rows are ordered by is shown, however narrow") {
  const auto has = [](const Lines& text, std::string_view heading) {
    return text[2].find(heading) != std::string::npos;
  };
  for (std::size_t width = 60; width <= 80; ++width) {
    CAPTURE(width);
    CHECK(has(table(pods(), {.order = TopOrder::overhead, .width = width}), "OVERHEAD"));
    CHECK(has(table(pods(), {.order = TopOrder::memory, .width = width}), "MEMORY"));
  }
}

TEST_CASE("80 columns hold long names and what they cost") {
  Pair pair = pods();
  for (Snapshot* snapshot : {&pair.before, &pair.now}) {
    for (ContainerRow& one : snapshot->containers) {
      auto who = std::make_shared<ContainerIdentity>(*one.identity);
      who->pod_namespace = "production-europe-west";
      who->pod = "checkout-service-7d9f8b6c5d-x2x4z";
      one.identity = std::move(who);
      one.cpu.why = Why::neighbours;
      one.cpu.waits.emplace();
    }
  }
  for (const TopOrder order : {TopOrder::why, TopOrder::overhead, TopOrder::memory}) {
    const Lines text = table(pair, {.order = order, .width = 80});
    for (const std::string& line : text) CHECK(line.size() <= 80);
    const std::size_t first =
        text[2].find_first_not_of(' ', std::string_view("CONTAINER OR CGROUP").size());
    CHECK(first >= 26 + 1);  // a blank stands behind the name
  }
}

TEST_CASE("a filter keeps rows with its text in their names") {
  const Pair pair = pods();
  const auto shown = [&pair](std::string filter) {
    return names(table(pair, {.order = TopOrder::path, .width = 160, .filter = filter}));
  };
  CHECK(shown("").size() == 6);
  CHECK(shown("b-1") == Lines{"shop/b-1 (pod)", "shop/b-1/app"});
  CHECK(shown("APP") == Lines{"shop/a-1/app", "shop/b-1/app"});
  CHECK(shown("a-1/S") == Lines{"shop/a-1/side"});
  CHECK(shown("(POD)") == Lines{"shop/b-1 (pod)", "shop/c-1 (pod)"});
  CHECK(shown("nowhere").empty());
}
