// SPDX-License-Identifier: Apache-2.0
// What pods and the node's services cost, as a scrape shows it.
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "export/metrics.h"
#include "export_hostile.h"
#include "export_samples.h"
#include "export_text.h"

using namespace throttlelens;
using namespace throttlelens::samples;

namespace {

using Lines = std::vector<std::string>;

/// Shows one number: 1 series.
OverheadRow costing(std::string pod_namespace, std::string pod, Nanoseconds cpu) {
  OverheadRow row = overhead(std::move(pod_namespace), std::move(pod), "");
  row.parts[0].cpu = cpu;
  return row;
}

}  // namespace

TEST_CASE("every number of what a pod costs is shown once, under its component") {
  Snapshot snapshot = empty_snapshot();
  add_overhead(snapshot);
  const std::string text = render(snapshot);
  CHECK(samples_of(text, "throttlelens_pod_overhead_") ==
        Lines{R"(throttlelens_pod_overhead_cpu_seconds_total{namespace="",pod="",)"
              R"(container="web",component="conmon"} 0.01)",
              R"(throttlelens_pod_overhead_cpu_seconds_total{namespace="shop",pod="cart-1",)"
              R"(component="shim"} 2.5)",
              R"(throttlelens_pod_overhead_cpu_seconds_total{namespace="shop",pod="cart-1",)"
              R"(component="runc"} 7.25)",
              R"(throttlelens_pod_overhead_cpu_seconds_total{namespace="shop",pod="cart-1",)"
              R"(component="pause"} 0.02)",
              R"(throttlelens_pod_overhead_private_memory_bytes{namespace="",pod="",)"
              R"(container="web",component="conmon"} 300000)",
              R"(throttlelens_pod_overhead_private_memory_bytes{namespace="shop",pod="cart-1",)"
              R"(component="shim"} 4000000)",
              R"(throttlelens_pod_overhead_private_memory_bytes{namespace="shop",pod="cart-1",)"
              R"(component="pause"} 65536)"});
}

TEST_CASE("what is not known of overhead and services is absent, and a known 0 is there") {
  Snapshot snapshot = empty_snapshot();
  const std::string nothing = render(snapshot);
  CHECK(nothing.find("overhead") == std::string::npos);
  CHECK(nothing.find("node_service") == std::string::npos);
  CHECK(nothing.find("lost_processes") == std::string::npos);

  snapshot.overhead = {costing("shop", "cart-1", 0s), overhead("shop", "cart-2", "")};
  snapshot.node_overhead[1] = 0s;
  snapshot.services = {{.name = "crio", .cpu = {}, .private_memory = 0},
                       {.name = "dockerd", .cpu = 0s, .private_memory = {}}};
  snapshot.lost_processes = 0;
  const std::string text = render(snapshot);
  CHECK(samples_of(text, "throttlelens_pod_") ==
        Lines{R"(throttlelens_pod_overhead_cpu_seconds_total{namespace="shop",pod="cart-1",)"
              R"(component="shim"} 0)"});
  CHECK(samples_of(text, "throttlelens_node_overhead") ==
        Lines{R"(throttlelens_node_overhead_cpu_seconds_total{component="runc"} 0)"});
  CHECK(samples_of(text, "throttlelens_node_service") ==
        Lines{R"(throttlelens_node_service_cpu_seconds_total{service="dockerd"} 0)",
              R"(throttlelens_node_service_private_memory_bytes{service="crio"} 0)"});
  CHECK(samples_of(text, "throttlelens_probe_lost_processes") ==
        Lines{"throttlelens_probe_lost_processes_total 0"});
}

TEST_CASE("beyond max_series overhead goes before pods and after what ended, the cheapest first") {
  Snapshot snapshot = empty_snapshot();
  snapshot.pods = {pod(row(1, "/p"), "shop", "p")};
  snapshot.overhead = {costing("shop", "cheap", 1s), costing("shop", "dear", 2s)};
  snapshot.ended = {{.pod_namespace = "old", .usage = 100s}};
  const auto own = static_cast<std::uint32_t>(samples_of(render(empty_snapshot())).size());
  const Lines order{R"(pod_cpu_usage_seconds_total{namespace="shop",pod="p"})",
                    R"(overhead_cpu_seconds_total{namespace="shop",pod="dear")",
                    R"(overhead_cpu_seconds_total{namespace="shop",pod="cheap")",
                    R"(ended_cpu_usage_seconds_total{namespace="old"})"};
  for (std::uint32_t fit = 0; fit <= order.size(); ++fit) {
    CAPTURE(fit);
    const std::string text = render(snapshot, own + fit);
    for (std::size_t i = 0; i < order.size(); ++i) {
      CAPTURE(order[i]);
      CHECK((text.find(order[i]) != std::string::npos) == (i < fit));
    }
  }
}

TEST_CASE("a row of overhead is left out whole, and counted by its namespace") {
  Snapshot snapshot = empty_snapshot();
  add_overhead(snapshot);
  const std::size_t own = samples_of(render(snapshot)).size() - 2 - 5;
  std::uint64_t dropped = 0;
  const RenderedMetrics rendered =
      render_metrics(snapshot, process(), options(static_cast<std::uint32_t>(own + 6)), dropped);
  // The dearer one has 5 and the next one 2: one more would fit, a part of it would not.
  CHECK(samples_of(rendered.text, "throttlelens_pod_overhead_").size() == 5);
  CHECK(dropped == 2);
  CHECK(rendered.left_out.series == 2);
  CHECK(render_metrics(snapshot, process(), options(static_cast<std::uint32_t>(own + 4)), dropped)
            .left_out.namespaces.at(0)
            .series == 5);
}

TEST_CASE("overhead of one name twice, or of no name, is left out and counted") {
  Snapshot snapshot = empty_snapshot();
  snapshot.overhead = {costing("shop", "p", 1s), costing("shop", "p", 2s), costing("shop", "", 3s)};
  // One of a container of the pod's name is another row.
  snapshot.overhead.push_back(overhead("", "", "p"));
  snapshot.overhead.back().parts[3].cpu = 4s;
  std::uint64_t dropped = 0;
  const std::string text = render_metrics(snapshot, process(), options(), dropped).text;
  CHECK(samples_of(text, "throttlelens_pod_overhead_") ==
        Lines{R"(throttlelens_pod_overhead_cpu_seconds_total{namespace="shop",pod="p",)"
              R"(component="shim"} 1)",
              R"(throttlelens_pod_overhead_cpu_seconds_total{namespace="",pod="",container="p",)"
              R"(component="conmon"} 4)"});
  CHECK(dropped == 2);
}

TEST_CASE("hostile names of pods have the same value in overhead as elsewhere") {
  const std::string text = render(hostile_snapshot());
  CHECK(text.find("series_dropped_total 0\n") != std::string::npos);
  const auto pod_labels = [&](const std::string& family, const std::string& namespaced) {
    std::set<std::string> out;
    for (const std::string& line : samples_of(text, family)) {
      const auto start = line.find(namespaced);
      if (start == std::string::npos) continue;
      const auto value = start + namespaced.size();
      out.insert(line.substr(value, line.find("\",", value) - value));
    }
    return out;
  };
  const auto of_containers = pod_labels("throttlelens_container_info", ",pod=\"");
  CHECK(of_containers.size() == hostile_names().size() + 2);
  CHECK(pod_labels("throttlelens_pod_overhead_cpu_seconds_total", ",pod=\"") == of_containers);
}
