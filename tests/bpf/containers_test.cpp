// SPDX-License-Identifier: Apache-2.0
// What the product says of containers and pods, on the real kernel: real cgroups with the names
// that runtimes give them, the runtimes' own files, and loads of known shape.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

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
struct Picture {
  std::set<std::string> containers;
  std::set<std::string> pods;
  std::set<std::string> cgroups;
};

std::string line_of(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (word.empty() ? "-" : word) + " ";
  return line;
}

std::string line_of(const CgroupForest& forest, const CgroupRow& row, bool holds_containers) {
  return line_of(
      {row.path->substr(forest.path().size() + 1), holds_containers ? "holds containers" : ""});
}

Picture shown_of(const Snapshot& snapshot, const CgroupForest& forest) {
  Picture out;
  const auto ours = [&](const CgroupRow& row) {
    return row.path->starts_with(forest.path() + "/");
  };
  for (const ContainerRow& row : snapshot.containers) {
    if (!ours(row.cpu)) continue;
    const ContainerIdentity& who = *row.identity;
    out.containers.insert(line_of({who.pod_namespace, who.pod, who.container, who.uid, who.qos,
                                   who.runtime, who.container_id}) +
                          line_of(forest, row.cpu, false));
  }
  for (const PodRow& row : snapshot.pods) {
    if (!ours(row.cpu)) continue;
    out.pods.insert(line_of({row.pod_namespace, row.pod, row.uid}) +
                    line_of(forest, row.cpu, false));
  }
  for (const CgroupRow& row : snapshot.cgroups) {
    if (ours(row)) out.cgroups.insert(line_of(forest, row, row.holds_containers));
  }
  return out;
}

// Makes cgroups and files of containers, and knows what must be shown of them.
class Node {
 public:
  const FakeStates& states() const { return states_; }
  ScopedCgroup& at(const std::string& path) { return forest_.at(path); }
  const CgroupForest& forest() const { return forest_; }
  Picture expected() const {
    Picture out = expected_;
    for (const std::string& path : made_) {
      if (hidden_.contains(path)) continue;
      const bool holds = std::ranges::any_of(
          hidden_, [&](const std::string& other) { return other.starts_with(path + "/"); });
      out.cgroups.insert(line_of({path, holds ? "holds containers" : ""}));
    }
    return out;
  }

  std::string new_id() { return container_id(++number_); }
  /// A cgroup that stays one among others.
  void plain(const std::string& path) {
    for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1))
      made_.insert(path.substr(0, end));
    made_.insert(path);
    at(path);
  }
  /// A cgroup whose time is the pod's alone.
  void sandbox(const std::string& path) {
    plain(path);
    hidden_.insert(path);
  }
  void container(const Described& who, const char* qos, const char* runtime, const std::string& id,
                 const std::string& path) {
    sandbox(path);
    expected_.containers.insert(
        line_of({who.pod_namespace, who.pod, who.container, who.uid, qos, runtime, id}) +
        line_of({path, ""}));
  }
  void pod(const Described& who, const std::string& path) {
    expected_.pods.insert(line_of({who.pod_namespace, who.pod, who.uid}) + line_of({path, ""}));
  }
  /// A pod of containerd: its sandbox, and containers; the last one's path.
  std::string containerd_pod(Described who, const char* qos, const std::string& path,
                             const std::vector<std::string>& names, bool scopes = false) {
    const auto make = [&] {
      const std::string id = new_id();
      states_.put_containerd("k8s.io", id, containerd_bundle(who));
      return id;
    };
    const auto below = [&](const std::string& id) {
      return path + (scopes ? "/cri-containerd-" + id + ".scope" : "/" + id);
    };
    sandbox(below(make()));
    pod(who, path);
    std::string last;
    for (const std::string& name : names) {
      who.container = name;
      const std::string id = make();
      last = below(id);
      container(who, qos, "containerd", id, last);
    }
    return last;
  }

 private:
  FakeStates states_;
  CgroupForest forest_;
  std::uint64_t number_ = 0;
  std::set<std::string> made_;
  std::set<std::string> hidden_;
  Picture expected_;
};

Described described_pod(const char* name, const std::string& uid) {
  return {.pod_namespace = "truth", .pod = name, .uid = uid, .container = {}};
}

}  // namespace

TEST_CASE("containers: who a cgroup is, in every shape runtimes give it") {
  Node node;
  // The kubelet's cgroupfs driver.
  node.containerd_pod(described_pod("web-0", pod_uid(1)), "burstable",
                      pod_dir("burstable", pod_uid(1)), {"web", "sidecar"});
  node.containerd_pod(described_pod("job", pod_uid(2)), "besteffort",
                      pod_dir("besteffort", pod_uid(2)), {"work"});
  const std::string of_manifest = container_id(99).substr(0, 32);  // a static pod's uid is a hash
  node.containerd_pod(described_pod("etcd-node", of_manifest), "guaranteed",
                      pod_dir("", of_manifest), {"etcd"});
  // Its systemd driver.
  node.containerd_pod(described_pod("api", pod_uid(3)), "burstable",
                      pod_slice("burstable", pod_uid(3)), {"api"}, true);
  node.containerd_pod(described_pod("db-0", pod_uid(4)), "guaranteed", pod_slice("", pod_uid(4)),
                      {"db"}, true);
  // kind: the node is Docker's container, and has pods in it.
  const std::string kind_id = node.new_id();
  const std::string kind = "docker/" + kind_id;
  const Described kind_node{
      .pod_namespace = {}, .pod = {}, .uid = {}, .container = "kind-control-plane"};
  node.states().put_docker(kind_id, docker_config(kind_node));
  node.container(kind_node, "", "docker", kind_id, kind);
  const std::string kind_pod = kind + "/" + pod_slice("burstable", pod_uid(5), "kubelet");
  const std::string kind_app = node.containerd_pod(described_pod("in-kind", pod_uid(5)),
                                                   "burstable", kind_pod, {"app"}, true);
  // CRI-O: the processes are one level deeper, and conmon is beside.
  Described who = described_pod("from-crio", pod_uid(6));
  const std::string crio_pod = pod_slice("besteffort", pod_uid(6));
  const std::string infra = node.new_id();
  node.states().put_storage(infra, crio_bundle(who));
  node.sandbox(crio_pod + "/crio-" + infra + ".scope");
  node.pod(who, crio_pod);
  who.container = "server";
  const std::string crio_id = node.new_id();
  const std::string crio = crio_pod + "/crio-" + crio_id + ".scope";
  node.states().put_storage(crio_id, crio_bundle(who));
  node.container(who, "besteffort", "crio", crio_id, crio);
  node.plain(crio + "/container");
  node.plain(crio_pod + "/crio-conmon-" + crio_id + ".scope");
  // cri-dockerd.
  who = described_pod("from-docker", pod_uid(7));
  const std::string docker_pod = pod_slice("burstable", pod_uid(7));
  const std::string pause = node.new_id();
  node.states().put_docker(pause, docker_config(who));
  node.sandbox(docker_pod + "/docker-" + pause + ".scope");
  node.pod(who, docker_pod);
  who.container = "server";
  const std::string docker_id = node.new_id();
  node.states().put_docker(docker_id, docker_config(who));
  node.container(who, "burstable", "docker", docker_id,
                 docker_pod + "/docker-" + docker_id + ".scope");
  // Podman: its names are in a list of their own.
  const std::string podman_id = node.new_id();
  const std::string podman = "machine.slice/libpod-" + podman_id + ".scope";
  node.states().put_storage(podman_id, podman_bundle(200));
  node.states().put("storage/overlay-containers/containers.json",
                    R"([{"id":")" + podman_id + R"(","names":["db"],"metadata":"{}"}])");
  node.container({.pod_namespace = {}, .pod = {}, .uid = {}, .container = "db"}, "", "podman",
                 podman_id, podman);
  node.plain(podman + "/container");
  node.plain("machine.slice/libpod-conmon-" + podman_id + ".scope");
  // What the systemd driver is told, taken for a name by a runtime without systemd: the pod has no
  // cgroup.
  who = described_pod("mixed", pod_uid(8));
  who.container = "app";
  const std::string mixed_id = node.new_id();
  node.states().put_containerd("k8s.io", mixed_id, containerd_bundle(who));
  node.container(who, "burstable", "containerd", mixed_id,
                 "system.slice/containerd.service/kubepods-burstable-pod" + unit_uid(who.uid) +
                     ".slice:cri-containerd:" + mixed_id);
  node.plain("system.slice/cron.service");

  Resident in_crio;
  Resident in_kind;
  ContainerView view(node.states().options());
  in_crio.move_to(node.at(crio + "/container"));
  in_kind.move_to(node.at(kind_app));
  in_crio.burn(30ms);
  in_kind.burn(20ms);
  view.observer().run_for(100ms);

  const Picture shown = shown_of(view.snapshot(), node.forest());
  const Picture expected = node.expected();
  CHECK(shown.containers == expected.containers);
  CHECK(shown.pods == expected.pods);
  CHECK(shown.cgroups == expected.cgroups);
  CHECK(view.snapshot().metadata_errors.empty());

  // A container is all that is below its cgroup, another container too.
  const auto check = [&](const char* what, const auto* row, const ScopedCgroup& group) {
    INFO(group.path());
    REQUIRE(row != nullptr);
    CHECK(*row->cpu.path == group.path());
    CHECK(row->cpu.usage.value() >= 20ms);
    check_usage(what, group.path(), row->cpu.usage.value(), group.usage());
  };
  check("container - kernel", view.container("truth", "from-crio", "server"), node.at(crio));
  check("container - kernel", view.container("truth", "in-kind", "app"), node.at(kind_app));
  check("container - kernel", view.container("", "", "kind-control-plane"), node.at(kind));
  check("pod - kernel", view.pod("truth", "from-crio"), node.at(crio_pod));
  check("pod - kernel", view.pod("truth", "in-kind"), node.at(kind_pod));
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
  const CpuLimit shared{.quota = 20ms, .period = 100ms};
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
  CHECK(limited.row(view).cpu.bandwidth->nr_throttled > 0);
  CHECK(pod_row(view, 2).cpu.bandwidth->nr_throttled > 0);
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
  const CpuLimit limit{.quota = 10ms, .period = 100ms};
  Nanoseconds usage{0};
  std::uint64_t throttled = 0;
  CgroupKey last_key;
  constexpr int kLives = 3;
  for (int life = 1; life <= kLives; ++life) {
    Resident process;
    const Member member = pods.add(1, "again");
    member.group->set_limit(limit);
    process.move_to(*member.group);
    process.burn(40ms);
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
  WindowIndex began = 0;   ///< the window of its first run
  Nanoseconds at_rest{0};  ///< the kernel's counter when all was done but the process's end
};

}  // namespace

TEST_CASE("containers: thirty that live a moment; the pod keeps what they used") {
  constexpr std::size_t kContainers = 30;
  const FakeStates states;
  Pods pods(states);
  std::vector<std::unique_ptr<Resident>> processes(kContainers);
  for (auto& process : processes) process = std::make_unique<Resident>();
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
        const Nanoseconds at_rest = member.group->usage();
        processes[i].reset();
        lives.push_back({.who = member.who,
                         .path = member.group->path(),
                         .began = static_cast<WindowIndex>(began / view.observer().base()),
                         .at_rest = at_rest});
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
  Nanoseconds most{0};
  for (const Life& life : lives) {
    INFO(life.who.container);
    const ContainerRow* row = view.container("truth", life.who.pod, life.who.container);
    REQUIRE(row != nullptr);
    CHECK_FALSE(row->cpu.alive);
    // In the snapshot of the window of its first run, or of the next.
    CHECK(view.shown(life.path).since <= life.began + 1);
    // Who has been waited for may still be on its way off the CPU, and what it runs there comes to
    // the kernel's counter when it is off: so there is no reading that has all of it. None has less
    // than its own, and together they are the pod's: so none has more.
    const Nanoseconds used = row->cpu.usage.value();
    CHECK(used >= life.at_rest - 1ms);
    most = std::max(most, used - life.at_rest);
    all += used;
  }
  std::printf("  thirty short containers: at most %.3f us after the last reading\n",
              to_seconds(most) * 1e6);
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
  const Member web = pods.add(1, "web", 512);
  const Member other = pods.add(1, "other", 2);
  // A node has one runtime: each mapping is what another daemon finds.
  struct Mapping {
    std::uint64_t asked, resized;
    const char* source;
  };
  const Mapping older{.asked = 20, .resized = 79, .source = "weight_linear"};
  const Mapping newer{.asked = 59, .resized = 174, .source = "weight_log"};
  const Mapping mapping = is_v2() ? GENERATE_COPY(older, newer) : older;
  ContainerView view(states.options());
  const auto asks = [&](double cores, const char* source) {
    // A weight stands for many shares: some 0.6 % of them at these.
    const bool seen = view.becomes_true_within(1s, [&] {
      const auto request = web.row(view).request;
      return request && std::abs(request->cores / cores - 1) < 0.01 && request->source == source;
    });
    const auto request = web.row(view).request;
    INFO("wanted " << cores << " " << source << ", last seen " << (request ? request->cores : 0)
                   << " " << (request ? request->source : "nothing"));
    CHECK(seen);
  };
  view.observer().run_for(100ms);
  if (is_v2()) {
    set_weight(*web.group, mapping.asked);
    asks(0.5, "shares");
    set_weight(*web.group, mapping.resized);  // in place: 2048 shares by the same mapping
    asks(2.0, mapping.source);
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
