// SPDX-License-Identifier: Apache-2.0
// What shims, runtimes and monitors use, against what the kernel says of each when it is reaped,
// and of the cgroup they are in.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/syscall.h>
#include <unistd.h>

#include "play.h"
#include "scoped_cgroup.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

namespace {

using Words = std::vector<std::string>;

// Where the kernel was busy it may have told nothing of a process's very end (seen on one virtual
// machine, while others attached to the same tracepoints): then its last steps are missing.
constexpr Nanoseconds kLastSteps = 1ms;

// The clock of a process that can be reaped has not quite all, either. What is to come is
// microseconds, and tens of milliseconds where the CPU is emulated; the counter of the cgroup in
// the last case here has it.
void check_whole(Nanoseconds told, Nanoseconds clock) {
  CHECK(told >= clock - kLastSteps);
  CHECK(told <= clock + 500ms);
}

std::vector<pid_t> pids_of(const Play& play) {
  std::vector<pid_t> pids;
  for (const auto& [pid, ran] : play.ran()) pids.push_back(pid);
  return pids;
}

// The cgroup files a process writes itself to.
Words join(const ScopedCgroup& group) {
  Words words{"join", group.cpu_dir() + "/cgroup.procs"};
  if (group.usage_dir() != group.cpu_dir()) {
    words.insert(words.end(), {"join", group.usage_dir() + "/cgroup.procs"});
  }
  return words;
}

Words operator+(Words all, const Words& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// Collects while all threads of a process sleep, and returns its clock. They may not be asleep yet.
Nanoseconds asleep_at(ProcessWatch& watch, pid_t pid) {
  for (int tries = 0; tries < 1000; ++tries) {
    const Nanoseconds before = cpu_clock(pid);
    watch.collect();
    if (cpu_clock(pid) == before) return before;
  }
  FAIL("it does not sleep");
  return {};
}

void check_alive(ProcessWatch& watch, pid_t pid) {
  const Nanoseconds clock = asleep_at(watch, pid);
  REQUIRE(watch.alive(pid));
  CHECK(watch.alive(pid)->cpu == clock);
}

}  // namespace

TEST_CASE("processes: a shim whose threads come and go is told as its clock tells it") {
  Stage stage;
  ProcessWatch watch;
  Play shim(stage("containerd-shim-runc-v2"),
            {"threads", "5", "3000", "stay", "3", "2000", "spin", "5000", "mark", "a", "await",
             "threads", "7", "1000", "mark", "b", "await"});
  shim.wait_for("a");
  check_alive(watch, shim.pid());
  CHECK(watch.alive(shim.pid())->cpu >= 26ms);
  shim.cue();
  shim.wait_for("b");
  check_alive(watch, shim.pid());
  const auto seen = watch.seen(shim.pid());
  REQUIRE(seen);
  CHECK(seen->kind == ProcessKind::shim);
  CHECK(seen->comm == "containerd-shim");
  CHECK(seen->arguments == shim.arguments());
  CHECK(watch.alive(shim.pid())->root == seen->key);
  const pid_t pid = shim.pid();
  const Nanoseconds last = watch.alive(pid)->cpu;
  const Nanoseconds used = shim.finish();
  watch.until_ended({pid});
  check_whole(watch.ended(pid)->cpu, used);
  CHECK(watch.ended(pid)->cpu >= last);
  CHECK(watch.ended(pid)->key == seen->key);
  watch.collect();
  CHECK_FALSE(watch.alive(pid));
}

TEST_CASE(
    "processes: two hundred runtimes of five milliseconds, one after the other, none missed") {
  Stage stage;
  ProcessWatch watch;
  Play shim(stage("containerd-shim-runc-v2"),
            {"repeat", "200", "[", "run", stage("runc"), "[", "spin", "5000", "]", "]"});
  const pid_t pid = shim.pid();
  const Nanoseconds used = shim.finish();
  watch.until_ended(pids_of(shim));
  watch.until_ended({pid});
  REQUIRE(shim.ran().size() == 200);
  Nanoseconds most{0};
  for (const auto& [child, ran] : shim.ran()) {
    const auto ended = watch.ended(child);
    REQUIRE(ended);
    check_whole(ended->cpu, ran);
    CHECK(ended->kind == ProcessKind::helper);
    CHECK(ended->root == watch.seen(pid)->key);
    CHECK_FALSE(watch.seen(child));
    most = std::max(most, ended->cpu - ran);
  }
  check_whole(watch.ended(pid)->cpu, used);
  CHECK(watch.lost() == 0);
  std::printf("  a reaped process had %.1f us to go, at most\n", to_seconds(most) * 1e6);
}

TEST_CASE(
    "processes: a runtime that joins a container counts until then, the container from then") {
  Stage stage;
  const ScopedCgroup group;
  ProcessWatch watch;
  Play runc(stage("runc"), Words{"spin", "20000", "threads", "2", "3000", "mark", "before"} +
                               join(group) +
                               Words{"mark", "after", "spin", "30000", "mark", "spun", "await"});
  const pid_t pid = runc.pid();
  const Nanoseconds before = runc.wait_for("before").cpu;
  const Nanoseconds after = runc.wait_for("after").cpu;
  runc.wait_for("spun");
  watch.until_ended({pid});
  const auto ended = watch.ended(pid);
  CHECK(ended->cpu >= before);
  CHECK(ended->cpu <= after);
  const Nanoseconds total = asleep_at(watch, pid);
  // What it ran between the move and our hearing of it is in both; what it ran between its moves in
  // two hierarchies (v1) is in none.
  const Nanoseconds twice = ended->cpu + group.usage() - total;
  std::printf("  %.1f us of a move are counted twice\n", to_seconds(twice) * 1e6);
  CHECK(twice >= before - after - 2us);
  CHECK(twice <= after - before);
  CHECK_FALSE(watch.alive(pid));
  CHECK(watch.seen(pid)->kind == ProcessKind::helper);
  CHECK(watch.seen(pid)->arguments == runc.arguments());
  CHECK(watch.lost() == 0);
}

TEST_CASE(
    "processes: what a runtime starts is its shim's until it joins; what that starts is not") {
  Stage stage;
  const ScopedCgroup group;
  ProcessWatch watch;
  const Words container = Words{"spin", "4000", "mark", "init"} + join(group) +
                          Words{"mark", "joined", "run", stage("app"), "[", "spin", "3000", "]"};
  Play shim(stage("containerd-shim-runc-v2"),
            Words{"run", stage("runc"), "[", "spin", "2000", "run", stage("exe"), "["} + container +
                Words{"]", "fork", "[", "spin", "1000", "]", "]"});
  const pid_t pid = shim.pid();
  const pid_t init = shim.wait_for("init").pid;
  (void)shim.finish();
  REQUIRE(shim.ran().size() == 4);  // the first to end: app
  const pid_t app = shim.ran()[0].first;
  const pid_t forked = shim.ran()[2].first;
  const pid_t runc = shim.ran()[3].first;
  REQUIRE(shim.ran()[1].first == init);
  watch.until_ended({pid, init, forked, runc});
  CHECK_FALSE(watch.told_of(app));
  for (const pid_t helper : {init, forked, runc}) {
    CHECK(watch.ended(helper)->root == watch.seen(pid)->key);
    CHECK(watch.ended(helper)->kind == ProcessKind::helper);
  }
  check_whole(watch.ended(forked)->cpu, shim.ran()[2].second);
  CHECK(watch.ended(init)->cpu >= shim.wait_for("init").cpu);
  CHECK(watch.ended(init)->cpu <= shim.wait_for("joined").cpu);
}

TEST_CASE("processes: those that were there before are told with all their time") {
  Stage stage;
  Play shim(stage("containerd-shim-runc-v2"),
            {"threads", "2", "5000", "spin", "20000", "run", stage("runc"), "[", "spin", "3000",
             "mark", "runc", "await", "]"});
  const pid_t runc = shim.wait_for("runc").pid;
  ProcessWatch watch;
  const auto seen = watch.seen(shim.pid());
  REQUIRE(seen);
  CHECK(seen->kind == ProcessKind::shim);
  CHECK(seen->comm == "containerd-shim");
  CHECK(seen->arguments == shim.arguments());
  check_alive(watch, shim.pid());
  check_alive(watch, runc);
  CHECK(watch.alive(runc)->root == seen->key);
  CHECK(watch.alive(runc)->kind == ProcessKind::helper);
  CHECK_FALSE(watch.seen(runc));
  const pid_t pid = shim.pid();
  const Nanoseconds used = shim.finish();
  watch.until_ended({pid, runc});
  check_whole(watch.ended(pid)->cpu + 1ms, used + 1ms);
  check_whole(watch.ended(runc)->cpu, shim.ran().at(0).second);
}

TEST_CASE("processes: a shim that is killed while busy is told to its end") {
  Stage stage;
  ProcessWatch watch;
  Play shim(stage("containerd-shim-runc-v2"),
            {"stay", "2", "5000", "mark", "busy", "spin", "60000000"});
  shim.wait_for("busy");
  const pid_t pid = shim.pid();
  watch.until([&] { return watch.alive(pid) && watch.alive(pid)->cpu > 30ms; });
  shim.kill();
  const Nanoseconds used = shim.finish();
  watch.until_ended({pid});
  check_whole(watch.ended(pid)->cpu, used);
}

TEST_CASE("processes: a pid that is used again does not mix two processes") {
  Stage stage;
  ProcessWatch watch;
  Play first(stage("containerd-shim-runc-v2"), {"spin", "2000"});
  const pid_t pid = first.pid();
  std::vector<Nanoseconds> used{first.finish()};
  for (int again = 1; again < 10; ++again) {
    // Reaped a moment ago: the last step of its life, in the kernel, is not over yet.
    Play shim(stage(again % 2 == 0 ? "containerd-shim-runc-v2" : "conmon"),
              {"spin", std::to_string(2000 + again * 1000)}, pid);
    REQUIRE(shim.pid() == pid);
    used.push_back(shim.finish());
  }
  watch.until([&] { return watch.all_ended(pid).size() == used.size(); });
  auto ended = watch.all_ended(pid);
  std::ranges::sort(ended, {}, &ProcessUse::key);
  REQUIRE(ended.size() == used.size());
  for (std::size_t i = 0; i < ended.size(); ++i) {
    check_whole(ended[i].cpu, used[i]);
    CHECK(ended[i].kind == (i % 2 == 0 ? ProcessKind::shim : ProcessKind::monitor));
  }
  CHECK(watch.lost() == 0);
}

TEST_CASE("processes: what forks of others do is nobody's") {
  Stage stage;
  ProcessWatch watch;
  Play other(stage("other"), {"repeat", "200", "[", "fork", "[", "]", "run", stage("runcible"), "[",
                              "threads", "2", "100", "]", "]"});
  (void)other.finish();
  watch.collect();
  REQUIRE(other.ran().size() == 400);
  for (const auto& [pid, ran] : other.ran()) CHECK_FALSE(watch.told_of(pid));
  CHECK(watch.lost() == 0);
}

TEST_CASE("processes: without room to tell, names are lost and counted, no time is") {
  Stage stage;
  ProcessWatch watch;
  Play other(stage("other"),
             {"repeat", "500", "[", "run", stage("conmon"), "[", "spin", "200", "]", "]"});
  (void)other.finish();  // nobody collects meanwhile
  REQUIRE(other.ran().size() == 500);
  watch.until_ended(pids_of(other));
  for (const auto& [pid, ran] : other.ran()) check_whole(watch.ended(pid)->cpu, ran);
  CHECK(watch.lost() >= 100);
  CHECK(watch.lost() <= 499);
}

TEST_CASE("processes: a monitor that leaves its parent behind is one still") {
  Stage stage;
  ScopedCgroup group;
  ProcessWatch watch;
  Play conmon(stage("conmon"), Words{"spin", "1000", "part", "[", "spin", "2000"} + join(group) +
                                   Words{"run", stage("runc"), "[", "spin", "1000", "]", "mark",
                                         "child", "await", "]", "await"});
  const pid_t pid = conmon.pid();
  const pid_t child = conmon.wait_for("child").pid;
  check_alive(watch, child);
  CHECK(watch.alive(child)->kind == ProcessKind::monitor);
  CHECK(watch.alive(child)->root == watch.seen(pid)->key);
  conmon.cue();
  conmon.cue();
  (void)conmon.finish();
  watch.until_ended({pid, child, conmon.ran().at(0).first});
  CHECK(watch.ended(child)->kind == ProcessKind::monitor);
  CHECK(watch.ended(child)->root == watch.seen(pid)->key);
  CHECK(watch.ended(conmon.ran().at(0).first)->kind == ProcessKind::helper);
  check_whole(watch.ended(conmon.ran().at(0).first)->cpu, conmon.ran().at(0).second);
}

TEST_CASE("processes: a service is told, what it starts is not") {
  Stage stage;
  ProcessWatch watch;
  Play service(stage("kubelet"),
               {"spin", "2000", "fork", "[", "]", "run", stage("other"), "[", "spin", "1000", "]",
                "run", stage("containerd-shim-runc-v2"), "[", "]", "mark", "a", "await"});
  service.wait_for("a");
  check_alive(watch, service.pid());
  CHECK(watch.seen(service.pid())->kind == ProcessKind::service);
  const pid_t pid = service.pid();
  const Nanoseconds used = service.finish();
  REQUIRE(service.ran().size() == 3);
  const pid_t shim = service.ran()[2].first;
  watch.until_ended({pid, shim});
  check_whole(watch.ended(pid)->cpu, used);
  CHECK_FALSE(watch.told_of(service.ran()[0].first));
  CHECK_FALSE(watch.told_of(service.ran()[1].first));
  CHECK(watch.ended(shim)->root == watch.ended(shim)->key);
  CHECK(watch.seen(shim)->kind == ProcessKind::shim);
}

TEST_CASE("processes: a shim and its runtimes use what the kernel counts for their cgroup") {
  Stage stage;
  const ScopedCgroup group;
  ProcessWatch watch;
  Play shim(stage("containerd-shim-runc-v2"),
            Words{"mark", "before"} + join(group) + Words{"mark", "after", "stay", "3", "2000"} +
                Words{"repeat", "100", "[", "run", stage("runc"), "[", "threads", "3", "300"} +
                Words{"spin", "500", "fork", "[", "spin", "200", "]", "]", "]"});
  const pid_t pid = shim.pid();
  const Nanoseconds before = shim.wait_for("before").cpu;
  const Nanoseconds after = shim.wait_for("after").cpu;
  (void)shim.finish();
  auto pids = pids_of(shim);
  REQUIRE(pids.size() == 200);
  pids.push_back(pid);
  watch.until_ended(pids);
  // It joined between the two; the counter is in microseconds on v2.
  const Nanoseconds aside = watch.ended_sum(pids) - group.usage();
  std::printf("  told - kernel %+.1f us beside what it used before it joined, 201 processes\n",
              to_seconds(aside - before) * 1e6);
  CHECK(aside >= before - kLastSteps);
  CHECK(aside <= after + 1us);
  CHECK(watch.lost() == 0);
}
