// SPDX-License-Identifier: Apache-2.0
// Containers, pods and what ended, as a scrape shows them.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "export/metrics.h"
#include "export_samples.h"
#include "export_text.h"

using namespace throttlelens;
using namespace throttlelens::samples;

namespace {

using Lines = std::vector<std::string>;

/// The label sets, as they are on the wire, of one family.
Lines label_sets(const std::string& text, const std::string& family) {
  Lines out;
  for (const std::string& line : samples_of(text, family + "{")) {
    out.push_back(line.substr(family.size(), line.rfind('}') + 1 - family.size()));
  }
  return out;
}

Lines containers(const std::string& text) {
  return label_sets(text, "throttlelens_container_info");
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + 1)) {
    text.replace(at, from.size(), to);
  }
  return text;
}

}  // namespace

TEST_CASE("a container shows all that a cgroup shows, under its own names") {
  Snapshot cgroup = empty_snapshot();
  cgroup.cgroups = {limited_row(1, "/x")};
  Snapshot snapshot = empty_snapshot();
  snapshot.containers = {container(limited_row(1, "/x"), "shop", "cart-1", "app")};
  const Lines rows = samples_of(render(snapshot), "throttlelens_container_cpu_");
  CHECK(rows.size() == 25);
  Lines expected = samples_of(render(cgroup), "throttlelens_cgroup_cpu_");
  for (std::string& line : expected) {
    line = replaced(std::move(line), "throttlelens_cgroup", "throttlelens_container");
    line = replaced(std::move(line), R"(cgroup="/x")",
                    R"(namespace="shop",pod="cart-1",container="app")");
  }
  CHECK(rows == expected);
  CHECK(samples_of(render(snapshot), "throttlelens_cgroup_").empty());
}

TEST_CASE("what only containers, pods and namespaces have") {
  const std::string text = render(full_snapshot());
  const std::string id(64, 'c');
  CHECK(samples_of(text, "throttlelens_container_info") ==
        Lines{R"(throttlelens_container_info{namespace="",pod="",container="web",container_id=")" +
                  id + R"(",runtime="containerd"} 1)",
              R"(throttlelens_container_info{namespace="shop",pod="cart-1",container="app",)"
              R"(uid="0a1b-2c",container_id=")" +
                  id + R"(",image="example/app:1",qos="burstable",runtime="containerd"} 1)"});
  CHECK(samples_of(text, "throttlelens_container_cpu_request_cores") ==
        Lines{R"(throttlelens_container_cpu_request_cores{namespace="shop",pod="cart-1",)"
              R"(container="app",source="shares"} 0.25)"});
  CHECK(samples_of(text, "throttlelens_pod_cpu_") ==
        Lines{R"(throttlelens_pod_cpu_usage_seconds_total{namespace="shop",pod="cart-1"} 90)",
              R"(throttlelens_pod_cpu_limit_cores{namespace="shop",pod="cart-1"} 1.5)"});
  CHECK(samples_of(text, "throttlelens_ended_") ==
        Lines{R"(throttlelens_ended_cpu_usage_seconds_total{namespace=""} 5)",
              R"(throttlelens_ended_cpu_usage_seconds_total{namespace="shop"} 1.5)"});
  CHECK(samples_of(text, "throttlelens_containers") ==
        Lines{R"(throttlelens_containers{state="running"} 1)",
              R"(throttlelens_containers{state="ended"} 1)"});
  CHECK(samples_of(text, "throttlelens_metadata_errors_total") ==
        Lines{R"(throttlelens_metadata_errors_total{source="docker"} 2)",
              R"(throttlelens_metadata_errors_total{source="none"} 1)"});
}

TEST_CASE("outside of Kubernetes namespace and pod are there and empty") {
  Snapshot snapshot = empty_snapshot();
  snapshot.containers = {container(row(1, "/w"), "", "", "web")};
  const std::string text = render(snapshot);
  for (const std::string& line : samples_of(text, "throttlelens_container_")) {
    CAPTURE(line);
    CHECK(line.find(R"({namespace="",pod="",container="web")") != std::string::npos);
  }
}

TEST_CASE("hostile names of containers are valid, distinct and keep their places") {
  const std::string longer(4096, 'a');
  const Lines names{"a\"b\nc\\d", "\xff",      "\xfe", std::string("nul\0byte", 8),
                    longer + "1", longer + "2"};
  Snapshot snapshot = empty_snapshot();
  std::uint64_t id = 0;
  for (const std::string& name : names) {
    snapshot.containers.push_back(container(row(++id, "/x"), name, "pod", "c"));
    snapshot.containers.push_back(container(row(++id, "/x"), "ns", name, "c"));
    snapshot.containers.push_back(container(row(++id, "/x"), "ns", "pod", name));
    snapshot.pods.push_back(pod(row(++id, "/x"), "ns", name));
    snapshot.ended.push_back({.pod_namespace = name, .usage = 1s});
  }
  const std::string text = render(snapshot);
  CHECK(text.find("series_dropped_total 0\n") != std::string::npos);
  const Lines all = samples_of(text, "throttlelens_container_cpu_usage");
  CHECK(all.size() == 3 * names.size());
  CHECK(std::set(all.begin(), all.end()).size() == all.size());
  CHECK(all[0] == R"(throttlelens_container_cpu_usage_seconds_total{namespace="a\"b\nc\\d",)"
                  R"(pod="pod",container="c"} 90)");
  CHECK(all[3].find(R"(namespace="\\xff~)") != std::string::npos);
  for (const std::string& line : all) CHECK(line.size() < 2048);

  // A name is the same wherever it stands, so that families can be joined.
  const Lines ended = label_sets(text, "throttlelens_ended_cpu_usage_seconds_total");
  const Lines pods = label_sets(text, "throttlelens_pod_cpu_usage_seconds_total");
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string value = ended[i].substr(ended[i].find('='));
    CHECK(pods[i].ends_with("pod" + value));
    CHECK(all[3 * i].find("namespace" + value.substr(0, value.size() - 1)) != std::string::npos);
  }

  snapshot.containers.erase(snapshot.containers.begin(), snapshot.containers.begin() + 4);
  CHECK(samples_of(render(snapshot), "throttlelens_container_cpu_usage") ==
        Lines(all.begin() + 4, all.end()));
}

TEST_CASE("rows that would clash, or have no name, are left out and counted") {
  Snapshot snapshot = empty_snapshot();
  snapshot.containers = {container(row(1, "/1"), "ns", "pod", "c"),
                         container(limited_row(2, "/2"), "ns", "pod", "c"),
                         container(row(3, "/3"), "ns", "pod", ""),
                         {.identity = nullptr, .cpu = row(4, "/4"), .request = {}}};
  snapshot.pods = {pod(row(5, "/5"), "ns", "pod"), pod(limited_row(6, "/6"), "ns", "pod")};
  snapshot.ended = {{.pod_namespace = "ns", .usage = 1s}, {.pod_namespace = "ns", .usage = 2s}};
  std::uint64_t dropped = 0;
  const RenderedMetrics rendered = render_metrics(snapshot, process(), options(), dropped);
  CHECK(containers(rendered.text).size() == 1);
  CHECK(label_sets(rendered.text, "throttlelens_pod_cpu_usage_seconds_total").size() == 1);
  CHECK(dropped == 26 + 8 + 8 + 2 + 1);
  CHECK(rendered.left_out.series == 0);  // max_series has nothing to do with it
  CHECK(rendered.text.find("container=\"\"") == std::string::npos);
}

TEST_CASE("containers stay within their budget of series") {
  const auto count = [](const ContainerRow& row) {
    Snapshot snapshot = empty_snapshot();
    snapshot.containers = {row};
    return samples_of(render(snapshot), "throttlelens_container_").size();
  };
  const auto all = count(full_container(limited_row(1, "/x"), "ns", "pod", "c"));
  CHECK(all == 27);
  CHECK(all <= 40);
  CgroupRow unlimited = row(1, "/x");
  unlimited.bandwidth = Bandwidth{};
  const auto plain = count(full_container(unlimited, "ns", "pod", "c"));
  CHECK(plain == 9);
  CHECK(plain <= 12);
}

TEST_CASE("what is kept beyond max_series: limited containers, others, pods, ended, cgroups") {
  Snapshot snapshot = empty_snapshot();
  CgroupRow busy = row(1, "/x");
  busy.usage = 1000s;
  snapshot.containers = {container(row(1, "/x"), "billing", "p", "idle"),
                         container(busy, "shop", "p", "busy"),
                         container(limited_row(1, "/x"), "shop", "p", "limited"),
                         container(row(1, "/x"), "shop", "q", "idle")};
  snapshot.pods = {pod(busy, "billing", "p"), pod(limited_row(1, "/x"), "shop", "p")};
  snapshot.ended = {{.pod_namespace = "old", .usage = 1s}};
  snapshot.cgroups = {busy, limited_row(2, "/limited")};
  snapshot.cgroups[0].path = std::make_shared<const std::string>("/busy");
  const std::size_t own = samples_of(render(empty_snapshot())).size();

  // Each step is the size of the next row in the order.
  const std::vector<std::pair<std::size_t, std::string>> steps{
      {26, R"(container="limited")"},
      {8, R"(container="busy")"},
      {8, R"(namespace="billing",pod="p",container="idle")"},
      {8, R"(namespace="shop",pod="q",container="idle")"},
      {2, R"(pod_cpu_usage_seconds_total{namespace="shop",pod="p"})"},
      {1, R"(pod_cpu_usage_seconds_total{namespace="billing",pod="p"})"},
      {1, R"(ended_cpu_usage_seconds_total{namespace="old"})"},
      {25, R"(cgroup="/limited")"},
      {7, R"(cgroup="/busy")"}};
  std::size_t fits = own;
  for (const auto& [size, what] : steps) {
    CAPTURE(what);
    const std::string without = render(snapshot, static_cast<std::uint32_t>(fits + size - 1));
    CHECK(samples_of(without).size() == fits);
    CHECK(without.find(what) == std::string::npos);
    fits += size;
    const std::string with = render(snapshot, static_cast<std::uint32_t>(fits));
    CHECK(samples_of(with).size() == fits);
    CHECK(with.find(what) != std::string::npos);
  }
  CHECK(render(snapshot, static_cast<std::uint32_t>(fits)).find("dropped_total 0\n") !=
        std::string::npos);
}

TEST_CASE("what is left out is told by namespace, the biggest three") {
  Snapshot snapshot = empty_snapshot();
  snapshot.containers = {
      container(row(1, "/x"), "", "", "web"),    container(row(1, "/x"), "a", "p", "c"),
      container(row(1, "/x"), "b", "p", "c"),    container(row(1, "/x"), "b", "p", "d"),
      container(row(1, "/x"), "c", "p", "c"),    container(row(1, "/x"), "d\xff", "p", "c"),
      container(row(1, "/x"), "d\xff", "p", "d")};
  snapshot.cgroups = {limited_row(2, "/limited")};
  std::uint64_t dropped = 0;
  const SeriesLeftOut left_out = render_metrics(snapshot, process(), options(0), dropped).left_out;
  CHECK(left_out.series == 7 * 8 + 25);
  CHECK(left_out.series == dropped);
  REQUIRE(left_out.namespaces.size() == 3);
  CHECK(left_out.namespaces[0].name == "b");
  CHECK(left_out.namespaces[0].series == 16);
  CHECK(left_out.namespaces[1].name.starts_with("d\\xff~"));
  CHECK(left_out.namespaces[2].name == "a");
}
