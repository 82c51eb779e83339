// SPDX-License-Identifier: Apache-2.0
// What the product says of containers and pods, on the real kernel: real cgroups with the names
// that runtimes give them, the runtimes' own files, and loads of known shape.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <thread>

#include <catch2/catch.hpp>

#include "container_view.h"
#include "pods.h"
#include "runtime_fake.h"
#include "truth.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

namespace {

bool is_v2() {
  return ScopedCgroup::mode() == CgroupMode::v2;
}

// Where the kubelet's cgroupfs driver puts a pod.
std::string pod_dir(const std::string& qos, const std::string& uid) {
  return "kubepods/" + (qos.empty() ? "" : qos + "/") + "pod" + uid;
}

// Where its systemd driver does. kind puts "kubelet" before it.
std::string pod_slice(const std::string& qos, const std::string& uid,
                      const std::string& above = {}) {
  const std::string kubepods = above.empty() ? "kubepods" : above + "-kubepods";
  const std::string level = qos.empty() ? kubepods : kubepods + "-" + qos;
  return (above.empty() ? "" : above + ".slice/") + kubepods + ".slice/" +
         (qos.empty() ? "" : level + ".slice/") + level + "-pod" + unit_uid(uid) + ".slice";
}

// One line a row, so that a whole picture is compared at once and a failure shows what is wrong.
using Picture = std::set<std::string>;

std::string line_of(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (word.empty() ? "-" : word) + " ";
  return line;
}

struct Pictures {
  Picture containers;
  Picture pods;
  Picture cgroups;
};

// All that is shown below a path.
Pictures shown_below(const Snapshot& snapshot, const std::string& top) {
  Pictures out;
  const auto below = [&](const CgroupRow& row) { return row.path->starts_with(top + "/"); };
  const auto rest = [&](const CgroupRow& row) { return row.path->substr(top.size() + 1); };
  for (const ContainerRow& row : snapshot.containers) {
    if (!below(row.cpu)) continue;
    const ContainerIdentity& who = *row.identity;
    out.containers.insert(line_of({who.pod_namespace, who.pod, who.container, who.uid, who.qos,
                                   who.runtime, who.container_id, rest(row.cpu)}));
  }
  for (const PodRow& row : snapshot.pods) {
    if (below(row.cpu)) {
      out.pods.insert(line_of({row.pod_namespace, row.pod, row.uid, rest(row.cpu)}));
    }
  }
  for (const CgroupRow& row : snapshot.cgroups) {
    if (below(row)) {
      out.cgroups.insert(line_of({rest(row), row.holds_containers ? "holds containers" : ""}));
    }
  }
  return out;
}

}  // namespace

TEST_CASE("containers: who a cgroup is, in every shape runtimes give it") {
  const FakeStates states;
  CgroupForest forest;
  Pictures expected;
  std::set<std::string> plain;  // all that is neither a container nor a sandbox
  std::uint64_t number = 0;
  const auto make = [&](const std::string& path) {
    for (std::size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      plain.insert(path.substr(0, slash));
    }
    forest.at(path);
  };
  const auto expect_pod = [&](const Described& who, const std::string& dir) {
    expected.pods.insert(line_of({who.pod_namespace, who.pod, who.uid, dir}));
  };
  const auto expect = [&](const Described& who, const char* qos, const char* runtime,
                          const std::string& id, const std::string& path) {
    expected.containers.insert(
        line_of({who.pod_namespace, who.pod, who.container, who.uid, qos, runtime, id, path}));
  };
  // A pod of containerd with a sandbox and containers; `prefix` and `suffix` are those of the names
  // of their cgroups.
  const auto containerd_pod = [&](Described who, const std::string& dir, const char* qos,
                                  const std::vector<std::string>& names, const char* prefix,
                                  const char* suffix) {
    const std::string sandbox = container_id(++number);
    make(dir + "/" + prefix + sandbox + suffix);
    states.put_containerd("k8s.io", sandbox, containerd_bundle(who));
    for (const std::string& name : names) {
      who.container = name;
      const std::string id = container_id(++number);
      const std::string path = std::string(dir).append("/").append(prefix) + id + suffix;
      make(path);
      states.put_containerd("k8s.io", id, containerd_bundle(who));
      expect(who, qos, "containerd", id, path);
    }
    expect_pod(who, dir);
  };
  const auto pod = [&](const char* name, const std::string& uid) {
    return Described{
        .pod_namespace = "truth", .pod = name, .uid = uid, .container = {}, .shares = 2};
  };

  containerd_pod(pod("web-0", pod_uid(1)), pod_dir("burstable", pod_uid(1)), "burstable",
                 {"web", "sidecar"}, "", "");
  containerd_pod(pod("job", pod_uid(2)), pod_dir("besteffort", pod_uid(2)), "besteffort", {"work"},
                 "", "");
  const std::string static_uid = container_id(99).substr(0, 32);  // a hash of the manifest
  containerd_pod(pod("etcd-node", static_uid), pod_dir("", static_uid), "guaranteed", {"etcd"}, "",
                 "");
  containerd_pod(pod("api", pod_uid(3)), pod_slice("burstable", pod_uid(3)), "burstable", {"api"},
                 "cri-containerd-", ".scope");
  containerd_pod(pod("db-0", pod_uid(4)), pod_slice("", pod_uid(4)), "guaranteed", {"db"},
                 "cri-containerd-", ".scope");

  // kind: a node that is Docker's container, with pods in it.
  const std::string node = container_id(++number);
  make("docker/" + node);
  states.put_docker(
      node, docker_config(
                {.pod_namespace = {}, .pod = {}, .uid = {}, .container = "kind-control-plane"}));
  expected.containers.insert(
      line_of({"", "", "kind-control-plane", "", "", "docker", node, "docker/" + node}));
  containerd_pod(pod("in-kind", pod_uid(5)),
                 "docker/" + node + "/" + pod_slice("burstable", pod_uid(5), "kubelet"),
                 "burstable", {"app"}, "cri-containerd-", ".scope");

  // CRI-O: the processes are one level deeper, and conmon is beside.
  Described who = pod("from-crio", pod_uid(6));
  std::string dir = pod_slice("besteffort", pod_uid(6));
  const std::string infra = container_id(++number);
  make(dir + "/crio-" + infra + ".scope");
  states.put_storage(infra, crio_bundle(who));
  who.container = "server";
  const std::string in_crio = container_id(++number);
  const std::string crio_path = dir + "/crio-" + in_crio + ".scope";
  make(crio_path + "/container");
  plain.insert(crio_path + "/container");
  const std::string conmon = dir + "/crio-conmon-" + in_crio + ".scope";
  make(conmon);
  plain.insert(conmon);
  states.put_storage(in_crio, crio_bundle(who));
  expect(who, "besteffort", "crio", in_crio, crio_path);
  expect_pod(who, dir);

  // cri-dockerd.
  who = pod("from-docker", pod_uid(7));
  dir = pod_slice("burstable", pod_uid(7));
  const std::string pause = container_id(++number);
  make(dir + "/docker-" + pause + ".scope");
  states.put_docker(pause, docker_config(who));
  who.container = "server";
  const std::string in_docker = container_id(++number);
  make(dir + "/docker-" + in_docker + ".scope");
  states.put_docker(in_docker, docker_config(who));
  expect(who, "burstable", "docker", in_docker, dir + "/docker-" + in_docker + ".scope");
  expect_pod(who, dir);

  // Podman: its names are in a list of their own.
  const std::string in_podman = container_id(++number);
  const std::string podman_path = "machine.slice/libpod-" + in_podman + ".scope";
  make(podman_path + "/container");
  plain.insert(podman_path + "/container");
  make("machine.slice/libpod-conmon-" + in_podman + ".scope");
  plain.insert("machine.slice/libpod-conmon-" + in_podman + ".scope");
  states.put_storage(in_podman, podman_bundle(200));
  states.put("storage/overlay-containers/containers.json",
             R"([{"id":")" + in_podman + R"(","names":["db"],"metadata":"{}"}])");
  expected.containers.insert(line_of({"", "", "db", "", "", "podman", in_podman, podman_path}));

  // What the systemd driver is told, taken for a name by a runtime that does not use systemd: the
  // pod has no cgroup.
  who = pod("mixed", pod_uid(8));
  who.container = "app";
  const std::string mixed = container_id(++number);
  const std::string mixed_path = "system.slice/containerd.service/kubepods-burstable-pod" +
                                 unit_uid(who.uid) + ".slice:cri-containerd:" + mixed;
  make(mixed_path);
  states.put_containerd("k8s.io", mixed, containerd_bundle(who));
  expect(who, "burstable", "containerd", mixed, mixed_path);

  const std::string service = "system.slice/cron.service";
  make(service);
  plain.insert(service);

  for (const std::string& path : plain) {
    const bool is_container = path == "docker/" + node || path == crio_path || path == podman_path;
    const bool holds = std::ranges::any_of(
        plain.contains(path) ? expected.containers : Picture{},
        [&](const std::string& line) { return line.find(" " + path + "/") != std::string::npos; });
    // conmon is the runtime's work for a container, and may be beside a sandbox only.
    if (!is_container) {
      expected.cgroups.insert(line_of({path, holds ? "holds containers" : ""}));
    }
  }

  ContainerView view(states.options());
  Resident in_scope;
  Resident in_kind;
  const std::string kind_dir =
      "docker/" + node + "/" + pod_slice("burstable", pod_uid(5), "kubelet");
  const ContainerRow* kind_row = view.container("truth", "in-kind", "app");
  view.observer().run_for(100ms);
  kind_row = view.container("truth", "in-kind", "app");
  REQUIRE(kind_row != nullptr);
  ScopedCgroup& kind_app = forest.at(kind_row->cpu.path->substr(forest.path().size() + 1));
  ScopedCgroup& crio_leaf = forest.at(crio_path + "/container");
  in_scope.move_to(crio_leaf);
  in_kind.move_to(kind_app);
  in_scope.burn(30ms);
  in_kind.burn(20ms);
  view.observer().run_for(100ms);

  const Pictures seen = shown_below(view.snapshot(), forest.path());
  CHECK(seen.containers == expected.containers);
  CHECK(seen.pods == expected.pods);
  CHECK(seen.cgroups == expected.cgroups);
  CHECK(view.snapshot().metadata_errors.empty());

  // A container is all that is below its cgroup.
  const auto check = [&](const ContainerRow* row, const ScopedCgroup& group) {
    REQUIRE(row != nullptr);
    CHECK(row->cpu.usage.value() > 15ms);
    check_usage("container - kernel", *row->cpu.path, row->cpu.usage.value(), group.usage());
  };
  check(view.container("truth", "from-crio", "server"), crio_leaf);
  check(view.container("truth", "in-kind", "app"), kind_app);
  check(view.container("", "", "kind-control-plane"), kind_app);
  const PodRow* kind_pod = view.pod("truth", "in-kind");
  REQUIRE(kind_pod != nullptr);
  check_usage("pod - kernel", *kind_pod->cpu.path, kind_pod->cpu.usage.value(),
              forest.at(kind_dir).usage());
}

namespace {

// A container of a pod of containerd under the cgroupfs driver, in the namespace "truth".
struct Member {
  Described who;
  std::string id;
  ScopedCgroup* group = nullptr;

  const ContainerRow& row(const ContainerView& view) const {
    INFO(who.pod << " " << who.container);
    const ContainerRow* found = view.container(who.pod_namespace, who.pod, who.container);
    REQUIRE(found != nullptr);
    return *found;
  }
};

class Pods {
 public:
  explicit Pods(const FakeStates& states) : states_(states) {}

  /// The number is the pod's.
  ScopedCgroup& pod(std::uint64_t number) {
    return forest_.at(pod_dir("burstable", pod_uid(number)));
  }
  static std::string pod_name(std::uint64_t number) { return "pod-" + std::to_string(number); }

  /// With its file, unless that is to come later.
  Member add(std::uint64_t pod_number, const std::string& name, std::uint64_t shares = 102,
             bool with_file = true) {
    Member member{.who = {.pod_namespace = "truth",
                          .pod = pod_name(pod_number),
                          .uid = pod_uid(pod_number),
                          .container = name,
                          .shares = shares},
                  .id = container_id(++number_)};
    if (with_file) describe(member);
    member.group = &forest_.at(pod_dir("burstable", member.who.uid) + "/" + member.id);
    return member;
  }
  void describe(const Member& member) const {
    states_.put_containerd("k8s.io", member.id, containerd_bundle(member.who));
  }
  /// The runtime removes its files with the container.
  void forget(const Member& member) const {
    fs::remove_all(states_.path("containerd/io.containerd.runtime.v2.task/k8s.io/" + member.id));
  }

 private:
  const FakeStates& states_;
  CgroupForest forest_;
  std::uint64_t number_ = 0;
};

const PodRow& pod_row(const ContainerView& view, std::uint64_t number) {
  INFO("pod " << number);
  const PodRow* found = view.pod("truth", Pods::pod_name(number));
  REQUIRE(found != nullptr);
  return *found;
}

// The windows a row showed are all its use: nothing ran before them.
void check_from_the_start(ContainerView& view, const CgroupRow& row) {
  const Observed& seen = view.observer().of(*row.path);
  Nanoseconds sum = seen.in_gaps + seen.corrected;
  for (const auto& [index, used] : view.shown(*row.path).windows) sum += used;
  CHECK(sum == row.usage.value());
}

}  // namespace

namespace {

struct Work {
  const Member* member;
  std::vector<std::string> arguments;
};

void check_row(const char* what, ContainerView& view, const CgroupRow& row,
               const ScopedCgroup& group) {
  CHECK(*row.path == group.path());
  CHECK(row.key == group.key());
  check_usage(what, *row.path, row.usage.value() + view.observer().aside(*row.path), group.usage());
  Nanoseconds peak{0};
  for (const auto& [index, used] : view.shown(*row.path).windows) peak = std::max(peak, used);
  CHECK(row.windows.front().peak == peak);
}

// Loads at the same time; holds each container's row against what its load says of itself.
void observe(ContainerView& view, const std::vector<Work>& all,
             std::vector<const ScopedCgroup*> pods) {
  std::vector<LoadProcess> loads;
  for (const Work& work : all) {
    loads.emplace_back(work.arguments, procs_of(*work.member->group));
    pods.push_back(work.member->group);
  }
  Observer& observer = view.observer();
  start(observer, pods, loads);
  observer.run_until([&] {
    return std::ranges::none_of(loads, [](LoadProcess& load) { return load.running(); });
  });
  for (std::size_t i = 0; i < all.size(); ++i) {
    const LoadRecord record = loads[i].finish();
    const CgroupRow& row = all[i].member->row(view).cpu;
    check_row("container - kernel", view, row, *all[i].member->group);
    check_windows(observer, *row.path, view.shown(*row.path).windows, record);
  }
}

std::optional<CpuLimit> limit_of(const CgroupRow& row) {
  REQUIRE(row.bandwidth);
  return row.bandwidth->limit;
}

}  // namespace

TEST_CASE("containers: use and windows are those of the load and of the kernel") {
  const FakeStates states;
  Pods pods(states);
  const Member hog = pods.add(1, "hog");
  const Member rhythm = pods.add(1, "rhythm");
  ContainerView view(states.options());
  observe(
      view,
      {{.member = &hog, .arguments = {"--pin", "0", "--duration", "3s"}},
       {.member = &rhythm, .arguments = {"--busy", "7ms", "--idle", "3ms", "--duration", "3s"}}},
      {&pods.pod(1)});
  check_row("pod - kernel", view, pod_row(view, 1).cpu, pods.pod(1));
}

TEST_CASE("containers: a limit and a pod's limit, throttled as cpu.stat says, and resized") {
  const FakeStates states;
  Pods pods(states);
  const Member limited = pods.add(1, "limited");
  const Member left = pods.add(2, "left");
  const Member right = pods.add(2, "right");
  const CpuLimit own{.quota = 30ms, .period = 100ms};
  const CpuLimit shared{.quota = 40ms, .period = 100ms};
  limited.group->set_limit(own);
  pods.pod(2).set_limit(shared);
  ContainerView view(states.options());
  observe(view,
          {{.member = &limited, .arguments = {"--duration", "3s"}},
           {.member = &left, .arguments = {"--duration", "3s"}},
           {.member = &right, .arguments = {"--busy", "7ms", "--idle", "3ms", "--duration", "3s"}}},
          {&pods.pod(1), &pods.pod(2)});
  check_row("pod - kernel", view, pod_row(view, 1).cpu, pods.pod(1));
  check_row("pod - kernel", view, pod_row(view, 2).cpu, pods.pod(2));

  // The last period may end after the load: the counters stand still a moment later.
  view.observer().run_for(1s);
  check_bandwidth(limited.row(view).cpu.bandwidth.value(), *limited.group);
  check_bandwidth(left.row(view).cpu.bandwidth.value(), *left.group);
  check_bandwidth(pod_row(view, 2).cpu.bandwidth.value(), pods.pod(2));
  CHECK(limited.row(view).cpu.bandwidth->nr_throttled >= 24);
  CHECK(pod_row(view, 2).cpu.bandwidth->nr_throttled >= 24);
  CHECK(left.row(view).cpu.bandwidth->nr_throttled == 0);
  CHECK(limit_of(limited.row(view).cpu) == own);
  CHECK(limit_of(pod_row(view, 2).cpu) == shared);
  CHECK_FALSE(limit_of(left.row(view).cpu));
  CHECK_FALSE(limit_of(pod_row(view, 1).cpu));

  // A resize in place writes the same files.
  const CpuLimit resized{.quota = 70ms, .period = 50ms};
  limited.group->set_limit(resized);
  CHECK(view.becomes_true_within(1s, [&] { return limit_of(limited.row(view).cpu) == resized; }));
  pods.pod(2).set_limit(resized);
  CHECK(view.becomes_true_within(1s, [&] { return limit_of(pod_row(view, 2).cpu) == resized; }));
  limited.group->clear_limit();
  CHECK(view.becomes_true_within(1s, [&] { return !limit_of(limited.row(view).cpu); }));
}

TEST_CASE("containers: attributed from the first microsecond, however late the name comes") {
  const FakeStates states;
  Pods pods(states);
  ContainerView view(states.options());
  Resident process;
  const Member late = pods.add(1, "late", 102, false);
  process.move_to(*late.group);
  process.start_burning(600ms);
  view.observer().run_for(300ms);

  const ContainerRow* nameless = view.container("", late.who.uid, late.id);
  REQUIRE(nameless != nullptr);
  CHECK_FALSE(nameless->identity->from_files);
  CHECK(nameless->cpu.usage.value() > 0ns);
  const PodRow* nameless_pod = view.pod("", late.who.uid);
  REQUIRE(nameless_pod != nullptr);
  CHECK(nameless_pod->cpu.usage.value() == nameless->cpu.usage.value());

  pods.describe(late);
  // It is looked for less and less often: by now in less than a second.
  CHECK(view.becomes_true_within(
      2s, [&] { return view.container("truth", late.who.pod, "late") != nullptr; }));
  CHECK(view.container("", late.who.uid, late.id) == nullptr);
  CHECK(view.pod("", late.who.uid) == nullptr);

  process.wait_burnt();
  view.observer().run_for(100ms);
  const CgroupRow& row = late.row(view).cpu;
  CHECK(row.usage.value() >= 600ms);
  check_usage("container - kernel", *row.path, row.usage.value(), late.group->usage());
  check_usage("pod - kernel", *row.path, pod_row(view, 1).cpu.usage.value(), pods.pod(1).usage());
  check_from_the_start(view, row);
}

TEST_CASE("containers: a restarted container goes on counting where the last one ended") {
  const FakeStates states;
  Pods pods(states);
  ContainerView view(states.options());
  const CpuLimit limit{.quota = 30ms, .period = 100ms};
  Nanoseconds usage{0};
  std::uint64_t throttled = 0;
  CgroupKey last_key;
  constexpr int kLives = 3;
  for (int life = 1; life <= kLives; ++life) {
    Resident process;
    const Member member = pods.add(1, "again");
    member.group->set_limit(limit);
    process.move_to(*member.group);
    process.burn(100ms);
    // The counters of its last period stand still when that has ended.
    view.observer().run_for(300ms);
    const CgroupRow row = member.row(view).cpu;
    CHECK(row.key == member.group->key());
    CHECK(row.key != last_key);
    last_key = row.key;
    CHECK(row.alive);
    usage += member.group->usage();
    throttled += member.group->stat_field("nr_throttled").value();
    check_usage("all lives - kernel", *row.path, row.usage.value(), usage);
    CHECK(throttled >= static_cast<std::uint64_t>(life));
    CHECK(row.bandwidth->nr_throttled == throttled);
    CHECK(row.bandwidth->limit == limit);
    if (life == 2) {  // the row of the first is gone, what it counted is not
      view.let_dead_rows_end();
      CHECK(member.row(view).cpu.usage == row.usage);
      CHECK(member.row(view).cpu.bandwidth == row.bandwidth);
    }
    member.group->remove();
    CHECK(view.becomes_true_within(1s, [&] { return !member.row(view).cpu.alive; }));
    CHECK(member.row(view).cpu.usage == row.usage);  // the process was moved away, not ended
  }
  check_usage("pod - kernel", pods.pod(1).path(), pod_row(view, 1).cpu.usage.value(),
              pods.pod(1).usage());
}

namespace {

// What a short-lived container's own life came to.
struct Life {
  Described who;
  std::string path;
  WindowIndex began = 0;  ///< the window of its first run
  Nanoseconds kernel{0};  ///< the counter when its process had ended
};

}  // namespace

TEST_CASE("containers: thirty that live a moment; the pod keeps what they used") {
  constexpr std::size_t kContainers = 30;
  const FakeStates states;
  Pods pods(states);
  std::vector<std::unique_ptr<Resident>> processes;
  for (std::size_t i = 0; i < kContainers; ++i) processes.push_back(std::make_unique<Resident>());
  ContainerView view(states.options());
  ScopedCgroup& pod = pods.pod(1);
  std::vector<Life> lives;
  std::string failure;
  std::atomic<bool> over = false;
  // Beside us, as on a node. Only the view may check: the test framework knows one thread.
  std::jthread node([&] {
    try {
      for (std::size_t i = 0; i < kContainers; ++i) {
        const Member member = pods.add(1, "short-" + std::to_string(i));
        processes[i]->move_to(*member.group);
        const Nanoseconds began = view.observer().clock().now().since_boot;
        processes[i]->burn(20ms + i * 1ms);
        processes[i].reset();
        lives.push_back({.who = member.who,
                         .path = member.group->path(),
                         .began = static_cast<WindowIndex>(began / view.observer().base()),
                         .kernel = member.group->usage()});
        pods.forget(member);
        member.group->remove();
      }
    } catch (const std::exception& error) {
      failure = error.what();
    }
    over = true;
  });
  view.observer().run_until([&] { return over.load(); });
  node.join();
  REQUIRE(failure.empty());
  REQUIRE(lives.size() == kContainers);

  Nanoseconds all{0};
  double worst = 0;
  for (const Life& life : lives) {
    INFO(life.who.container);
    const ContainerRow* row = view.container("truth", life.who.pod, life.who.container);
    REQUIRE(row != nullptr);
    CHECK_FALSE(row->cpu.alive);
    // In the snapshot of the window of its first run, or of the next.
    CHECK(view.shown(life.path).since <= life.began + 1);
    all += row->cpu.usage.value();
    const auto difference = static_cast<double>((row->cpu.usage.value() - life.kernel).count());
    worst = std::max(worst, std::abs(difference));
    CHECK(std::abs(difference) <= (emulated() ? 1.3e6 : 1.02e6));  // check_usage(), one process
  }
  std::printf("  thirty short containers: the worst is off by %.3f us\n", worst / 1e3);
  constexpr int kProcesses = kContainers;
  const Nanoseconds used = pod_row(view, 1).cpu.usage.value();
  check_usage("pod - kernel", pod.path(), used, pod.usage(), kProcesses);
  check_usage("containers - pod", pod.path(), all, used);

  // Nothing is lost or counted twice while rows end: first those of the containers, then the pod's.
  const Nanoseconds before = view.ended("truth");
  CHECK(before == 0ns);
  view.let_dead_rows_end();
  CHECK(view.container("truth", lives.front().who.pod, lives.front().who.container) == nullptr);
  CHECK(pod_row(view, 1).cpu.usage.value() + view.ended("truth") == used);
  pod.remove();
  REQUIRE(view.becomes_true_within(1s, [&] { return !pod_row(view, 1).cpu.alive; }));
  CHECK(pod_row(view, 1).cpu.usage.value() + view.ended("truth") == used);
  view.let_dead_rows_end();
  CHECK(view.pod("truth", lives.front().who.pod) == nullptr);
  CHECK(view.ended("truth") == used);
}

namespace {

void set_weight(const ScopedCgroup& group, std::uint64_t value) {
  const std::string file = group.cpu_dir() + (is_v2() ? "/cpu.weight" : "/cpu.shares");
  std::ofstream out(file);
  out << value << std::flush;
  INFO(file);
  REQUIRE(out);
}

}  // namespace

TEST_CASE("containers: the request is what the kernel shares by, also after a resize") {
  const FakeStates states;
  Pods pods(states);
  const Member web = pods.add(1, "web", 1024);
  const Member other = pods.add(1, "other", 2);
  ContainerView view(states.options());
  const auto asks = [&](double cores, const char* source) {
    const bool seen = view.becomes_true_within(1s, [&] {
      const auto request = web.row(view).request;
      return request && std::abs(request->cores - cores) < 0.01 && request->source == source;
    });
    const auto request = web.row(view).request;
    INFO("wanted " << cores << " " << source << ", last seen " << (request ? request->cores : 0)
                   << " " << (request ? request->source : "nothing"));
    CHECK(seen);
  };
  view.observer().run_for(100ms);
  if (is_v2()) {
    // 1024 shares by the mapping of older runtimes; 2048 by the same, after a resize in place.
    set_weight(*web.group, 39);
    asks(1.0, "shares");
    set_weight(*web.group, 79);
    asks(2.0, "weight_linear");
    // The same by that of newer ones.
    set_weight(*web.group, 100);
    asks(1.0, "shares");
    set_weight(*web.group, 174);
    asks(2.0, "weight_log");
    set_weight(*other.group, 1);
  } else {
    asks(1.0, "shares");  // what the kernel begins with
    set_weight(*web.group, 2048);
    asks(2.0, "shares");
    set_weight(*web.group, 256);
    asks(0.25, "shares");
    set_weight(*other.group, 2);
  }
  // The least there is stands for none.
  CHECK(view.becomes_true_within(1s, [&] { return !other.row(view).request; }));
}
