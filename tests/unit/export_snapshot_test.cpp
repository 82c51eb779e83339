// SPDX-License-Identifier: Apache-2.0
// The snapshot as JSON: what stands where, what is absent, and which rows there are. That all of it
// is as the schema says is tested by export_snapshot_schema_test.py.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "export/snapshot_answer.h"
#include "export_hostile.h"
#include "export_samples.h"
#include "export_text.h"

using namespace throttlelens;
using namespace throttlelens::samples;
using nlohmann::json;

namespace {

using Names = std::vector<std::string>;

json rendered(const Snapshot& snapshot, const SnapshotQuery& query = {}) {
  return json::parse(answer_snapshot(snapshot, nullptr, query).body);
}

/// Of every row of a list, in order; "-" where there is none.
Names values(const json& answer, const char* list, const char* key) {
  Names out;
  for (const json& row : answer.at(list)) out.push_back(row.value(key, "-"));
  return out;
}

/// A container that used `last` in the window that is "now".
ContainerRow busy(std::string name, Nanoseconds last, std::optional<Why> why) {
  ContainerRow out = container(row(1, "/x"), "ns", "", std::move(name));
  out.cpu.windows[1].last = last;
  out.cpu.why = why;
  return out;
}

}  // namespace

TEST_CASE("the node stands before the rows") {
  const json answer = rendered(full_snapshot());
  CHECK(answer.at("schema_version") == 1);
  CHECK(answer.at("taken_seconds") == 100.0);
  CHECK(answer.at("base_seconds") == 0.1);
  CHECK(answer.at("windows_seconds") == json({0.1, 1.0, 5.0}));
  CHECK(answer.at("node") == json::parse(R"({
    "cpus_online": 8, "tier": "bpf", "kernel": "6.1.0", "cgroup_mode": "v2",
    "windows": [{"seconds": 0.1, "busy_cores": 2.0, "idle_ratio": 0.75},
                {"seconds": 1.0, "busy_cores": 2.31, "idle_ratio": 0.71},
                {"seconds": 5.0, "busy_cores": 2.0, "idle_ratio": 0.75}],
    "overhead": {"shim": {"cpu_seconds": 3.0}, "runc": {"cpu_seconds": 9.0},
                 "pause": {"cpu_seconds": 0.04}, "conmon": {"cpu_seconds": 0.05}},
    "services": [{"service": "containerd", "cpu_seconds": 70.0, "private_memory_bytes": 30000000},
                 {"service": "kubelet", "cpu_seconds": 80.0}]})"));
  CHECK(answer.at("losses") == json::parse(R"({
    "lost_switches": 9, "recovered_switches": 8, "missed_windows": 2, "dropped_cgroups": 3,
    "partial_waits": 7, "lost_episodes": 6, "lost_processes": 5,
    "probe_run_seconds": 1.5})"));
}

TEST_CASE("a container has its names, the reason, and the numbers beside it") {
  Snapshot snapshot = full_snapshot();
  CgroupRow& row = snapshot.containers[1].cpu;
  row.why = Why::pod_quota;
  row.windows[2].waits = WaitAmounts{
      .throttle = 2s, .contention = 250ms, .throttled = 1s, .level = ThrottleLevel::parent};
  CHECK(rendered(snapshot).at("containers").at(1) == json::parse(R"({
    "namespace": "shop", "pod": "cart-1", "container": "app", "uid": "0a1b-2c",
    "container_id": "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
    "image": "example/app:1", "qos": "burstable", "runtime": "containerd", "cgroup": "/a",
    "alive": true, "limit_cores": 1.5, "request_cores": 0.25, "usage_seconds": 90.0,
    "periods": 100, "throttled_periods": 40, "throttled_seconds": 2.5, "why": "pod quota",
    "waits": {"throttle_seconds": 2.5, "contention_seconds": 1.25,
              "throttled_while_idle_seconds": 0.75, "lost_seconds": 0.125},
    "windows": [{"seconds": 0.1, "cores": 0.5, "peak_cores": 2.0},
                {"seconds": 1.0, "cores": 0.25, "peak_cores": 1.0},
                {"seconds": 5.0, "cores": 1.0, "peak_cores": 1.2, "throttle_wait_seconds": 2.0,
                 "contention_wait_seconds": 0.25, "throttled_seconds": 1.0,
                 "throttle_level": "pod"}]})"));
}

TEST_CASE("what is not known has no key") {
  const json answer = rendered(full_snapshot());
  // Outside of Kubernetes, without a limit, a request and waits; its cgroup is gone.
  CHECK(answer.at("containers").at(0) == json::parse(R"({
    "container": "web", "runtime": "containerd", "cgroup": "/w", "alive": false,
    "container_id": "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
    "usage_seconds": 90.0,
    "windows": [{"seconds": 0.1, "cores": 0.5, "peak_cores": 2.0},
                {"seconds": 1.0, "cores": 0.25, "peak_cores": 1.0},
                {"seconds": 5.0, "cores": 1.0, "peak_cores": 1.2}],
    "overhead": {"private_memory_bytes": 300000,
                 "conmon": {"cpu_seconds": 0.01, "private_memory_bytes": 300000}}})"));
  const json& pod = answer.at("pods").at(0);
  CHECK(pod.at("uid") == "0a1b-2c");
  CHECK(pod.at("cgroup") == "/p");
  CHECK(pod.at("limit_cores") == 1.5);
  CHECK_FALSE(pod.contains("container"));
  const json& root = answer.at("cgroups").at(0);
  CHECK(root.at("cgroup") == "/");
  CHECK_FALSE(root.contains("namespace"));
}

TEST_CASE("a 0 that is known is there") {
  Snapshot snapshot = empty_snapshot();
  CgroupRow calm = row(1, "/calm");
  calm.waits = WaitTotals{};
  calm.windows[2].waits = WaitAmounts{};
  snapshot.cgroups = {calm};
  const json shown = rendered(snapshot).at("cgroups").at(0);
  CHECK(shown.at("waits") == json::parse(R"({"throttle_seconds": 0.0, "contention_seconds": 0.0,
                                             "throttled_while_idle_seconds": 0.0})"));
  CHECK(shown.at("windows").at(2).at("throttled_seconds") == 0.0);
  CHECK_FALSE(shown.at("windows").at(2).contains("throttle_level"));
}

TEST_CASE("a container whose identity is not there has no row") {
  Snapshot snapshot = full_snapshot();
  snapshot.containers[0].identity.reset();
  CHECK(values(rendered(snapshot), "containers", "container") == Names{"app"});
}

TEST_CASE("each reason and each level is called what table and metrics call it") {
  Snapshot snapshot = empty_snapshot();
  snapshot.cgroups.assign(6, row(1, "/x"));
  for (std::size_t i = 0; i < 6; ++i) snapshot.cgroups[i].why = static_cast<Why>(i);
  CHECK(values(rendered(snapshot), "cgroups", "why") ==
        Names{"fine", "quota", "pod quota", "ancestor quota", "neighbours", "own threads"});

  for (const Standing standing : {Standing::cgroup, Standing::container, Standing::pod_container}) {
    for (std::size_t level = 0; level < kThrottleLevels; ++level) {
      CgroupRow one = row(1, "/x");
      one.standing = standing;
      one.waits = WaitTotals{};
      one.waits->episodes[level].add(1ms);
      one.windows[0].waits = WaitAmounts{.level = static_cast<ThrottleLevel>(level)};
      snapshot.cgroups = {one};
      const std::string shown =
          rendered(snapshot).at("cgroups").at(0).at("windows").at(0).at("throttle_level");
      CAPTURE(standing, level, shown);
      CHECK(samples_of(render(snapshot),
                       "throttlelens_cgroup_cpu_throttle_episode_seconds_count{cgroup=\"/x\","
                       "level=\"" +
                           shown + "\"}")
                .size() == 1);
    }
  }
}

TEST_CASE("names are those of the labels, whatever they are") {
  const Snapshot snapshot = hostile_snapshot();
  const json answer = rendered(snapshot);         // json::parse throws at invalid UTF-8
  const auto label = [](std::string_view text) {  // as the exposition writes it
    std::string out;
    for (const char c : text) {
      if (c == '\n') {
        out += "\\n";
        continue;
      }
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    return out;
  };
  const std::string metrics = render(snapshot);
  std::size_t compared = 0;
  for (const json& row : answer.at("containers")) {
    const std::string series = "throttlelens_container_cpu_usage_seconds_total{namespace=\"" +
                               label(row.value("namespace", "")) + "\",pod=\"" +
                               label(row.value("pod", "")) + "\",container=\"" +
                               label(row.value("container", "")) + "\"} ";
    CAPTURE(series);
    CHECK(samples_of(metrics, series).size() == 1);
    ++compared;
  }
  CHECK(compared == snapshot.containers.size());
  CHECK(answer.at("cgroups").size() == snapshot.cgroups.size());
  for (const json& row : answer.at("cgroups")) {
    const std::string series = "throttlelens_cgroup_cpu_usage_seconds_total{cgroup=\"" +
                               label(row.value("cgroup", "")) + "\"} ";
    CAPTURE(series);
    CHECK(samples_of(metrics, series).size() == 1);
  }
  CHECK(answer.at("node").at("kernel") == "6.1\\xff");
}

TEST_CASE("namespace and pod choose rows by their exact names") {
  Snapshot snapshot = empty_snapshot();
  for (const auto& [ns, pod_name] : std::vector<std::pair<std::string, std::string>>{
           {"", ""}, {"a", "x"}, {"a", "y"}, {"ab", "x"}, {"b\xff", "x"}}) {
    snapshot.containers.push_back(container(row(1, "/c"), ns, pod_name, ns + "-" + pod_name));
    if (!pod_name.empty()) snapshot.pods.push_back(pod(row(2, "/p"), ns, pod_name));
  }
  snapshot.cgroups = {row(3, "/")};
  const auto shown = [&snapshot](const SnapshotQuery& query, const char* list = "containers") {
    return values(rendered(snapshot, query), list, list == std::string("pods") ? "pod" : "cgroup")
        .size();
  };
  CHECK(shown({}) == 5);
  CHECK(shown({.pod_namespace = "a", .pod = {}, .top = {}}) == 2);
  CHECK(shown({.pod_namespace = "a", .pod = {}, .top = {}}, "pods") == 2);
  CHECK(shown({.pod_namespace = "a", .pod = {}, .top = {}}, "cgroups") == 0);
  CHECK(shown({.pod_namespace = {}, .pod = "x", .top = {}}) == 3);
  CHECK(shown({.pod_namespace = "ab", .pod = "x", .top = {}}, "pods") == 1);
  CHECK(shown({.pod_namespace = "A", .pod = {}, .top = {}}) == 0);
  CHECK(values(rendered(snapshot, {.pod_namespace = "a", .pod = "y", .top = {}}), "containers",
               "container") == Names{"a-y"});
  // What has no namespace has the empty one.
  CHECK(shown({.pod_namespace = "", .pod = {}, .top = {}}) == 1);
  CHECK(shown({.pod_namespace = "", .pod = {}, .top = {}}, "cgroups") == 1);
  // As it is shown, it can be asked for.
  const std::string odd = rendered(snapshot).at("containers").at(4).at("namespace");
  CHECK(odd.starts_with("b\\xff~"));
  CHECK(shown({.pod_namespace = odd, .pod = {}, .top = {}}) == 1);
}

TEST_CASE("top keeps what is held back, then the busiest, of each list") {
  Snapshot snapshot = empty_snapshot();
  snapshot.containers = {busy("a-idle", 1ms, Why::fine), busy("b-held", 2ms, Why::quota),
                         busy("c-busy", 1s, Why::fine),  busy("d-held", 5ms, Why::own_threads),
                         busy("e-unknown", 900ms, {}),   busy("f-idle", 1ms, Why::fine)};
  for (const ContainerRow& one : snapshot.containers) {
    snapshot.pods.push_back(pod(one.cpu, "ns", one.identity->container));
    snapshot.cgroups.push_back(one.cpu);
    snapshot.cgroups.back().path = std::make_shared<const std::string>(one.identity->container);
  }
  const Names order{"d-held", "b-held", "c-busy", "e-unknown", "a-idle", "f-idle"};
  for (const std::size_t top : {1U, 3U, 6U, 7U}) {
    const json answer = rendered(snapshot, {.pod_namespace = {}, .pod = {}, .top = top});
    const Names expected(order.begin(),
                         order.begin() + static_cast<std::ptrdiff_t>(std::min(top, order.size())));
    CHECK(values(answer, "containers", "container") == expected);
    CHECK(values(answer, "pods", "pod") == expected);
    CHECK(values(answer, "cgroups", "cgroup") == expected);
  }
  // Without it all, by name.
  CHECK(values(rendered(snapshot), "pods", "pod") ==
        Names{"a-idle", "b-held", "c-busy", "d-held", "e-unknown", "f-idle"});
  // First chosen, then cut.
  const json one = rendered(snapshot, {.pod_namespace = {}, .pod = "f-idle", .top = 1});
  CHECK(values(one, "pods", "pod") == Names{"f-idle"});
}
