// SPDX-License-Identifier: Apache-2.0
// What the tree tells of cgroups that come, go, change and are replaced.
#include <algorithm>
#include <cerrno>

#include <catch2/catch.hpp>

#include "cgroup_fake.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

TEST_CASE("the first call tells of all, the next of nothing") {
  const auto mode = GENERATE(CgroupMode::v1, CgroupMode::hybrid, CgroupMode::v2);
  FakeCgroupfs fake(mode);
  fake.make("a/b/c");
  fake.make("a/d");
  const auto tree = open(fake.options());
  CHECK(tree->mode() == mode);
  const TreeChanges first = look(*tree);
  check_parents_first(first);
  auto found = paths(first);
  std::ranges::sort(found);
  CHECK(found == std::vector<std::string>{"/", "/a", "/a/b", "/a/b/c", "/a/d"});
  CHECK(first.appeared[0].path == "/");
  CHECK(first.appeared[0].parent.id == 0);
  CHECK_FALSE(readable(tree->notify_fd(), 0));
  const TreeChanges second = look(*tree);
  CHECK(second.appeared.empty());
  CHECK(second.gone.empty());
  CHECK(second.limits_changed.empty());
}

TEST_CASE("a container that is shown its own cgroup only is told so, once") {
  FakeCgroupfs whole(CgroupMode::v2);
  CHECK(open(whole.options())->take_warnings().empty());

  FakeCgroupfs fake(CgroupMode::v2);
  put(fake.cpu("") / "cgroup.type", "domain\n");  // the root of the hierarchy has none
  const auto tree = open(fake.options());
  const auto warnings = tree->take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].on == fake.cpu("").parent_path().string());
  CHECK_FALSE(warnings[0].fix.empty());
  CHECK(tree->take_warnings().empty());
}

TEST_CASE("counters and limits of both versions") {
  const auto mode = GENERATE(CgroupMode::hybrid, CgroupMode::v2);
  FakeCgroupfs fake(mode);
  fake.make("a");
  const auto tree = open(fake.options());
  look(*tree);
  const CgroupKey key = fake.key("a");
  for (int again = 0; again < 2; ++again) {
    REQUIRE(tree->usage(key));
    CHECK(*tree->usage(key) == 5us);
    const auto bandwidth = tree->bandwidth(key);
    REQUIRE(bandwidth);
    CHECK(bandwidth->nr_periods == 4);
    CHECK(bandwidth->throttled_time == 2us);
    CHECK_FALSE(bandwidth->limit);
  }
  CHECK(tree->usage(fake.key("")));
  CHECK(tree->bandwidth(fake.key("")).error().code == ENOENT);
  CHECK(tree->usage(CgroupKey{1}).error().code == ENOENT);

  put(fake.cpu("a") / (mode == CgroupMode::v2 ? "cpu.max" : "cpu.cfs_quota_us"),
      mode == CgroupMode::v2 ? "30000 100000\n" : "30000\n");
  CHECK(readable(tree->notify_fd(), 0));
  const TreeChanges changes = look(*tree);
  REQUIRE(changes.limits_changed == std::vector<CgroupKey>{key});
  CHECK(tree->bandwidth(key)->limit == CpuLimit{.quota = 30ms, .period = 100ms, .burst = 0ns});
  put(fake.cpu("a") / "cgroup.procs", "1\n");
  CHECK(look(*tree).limits_changed.empty());
}

TEST_CASE("the processes of a cgroup are its own") {
  const auto mode = GENERATE(CgroupMode::v1, CgroupMode::hybrid, CgroupMode::v2);
  FakeCgroupfs fake(mode);
  fake.make("a");
  fake.make("a/b");
  std::string many;
  for (int pid = 1; pid <= 5000; ++pid) many += std::to_string(pid) + "\n";
  put(fake.cpu("a/cgroup.procs"), many);
  put(fake.cpu("a/b/cgroup.procs"), "");
  const auto tree = open(fake.options());
  look(*tree);
  const CgroupKey key = fake.key("a");
  const auto processes = tree->processes(key);
  REQUIRE(processes);
  REQUIRE(processes->size() == 5000);
  CHECK(processes->front() == 1);
  CHECK(processes->back() == 5000);
  CHECK(tree->processes(fake.key("a/b"))->empty());
  CHECK(tree->processes(CgroupKey{1}).error().code == ENOENT);
  CHECK(tree->usage(key) == 5us);

  // Another of that name is another.
  fake.drop("a");
  fake.make("a");
  put(fake.cpu("a/cgroup.procs"), "9\n");
  CHECK(tree->processes(key).error().code == ENOENT);
  fs::remove(fake.cpu("a/cgroup.procs"));
  look(*tree);
  CHECK(tree->processes(fake.key("a")).error().code == ENOENT);
}

TEST_CASE("the cgroup of a process is found by what /proc says") {
  const auto mode = GENERATE(CgroupMode::v1, CgroupMode::hybrid, CgroupMode::v2);
  FakeCgroupfs fake(mode);
  fake.make("a/b:c");
  const auto tree = open(fake.options());
  look(*tree);
  const std::string before =
      mode == CgroupMode::v2 ? "1:name=x:/no\n0::" : "9:cpuset:/no\n0::/no\n3:cpu,cpuacct:";
  CHECK(tree->cgroup_of(before + "/a/b:c\n") == fake.key("a/b:c"));
  CHECK(tree->cgroup_of(before + "/a") == fake.key("a"));
  CHECK(tree->cgroup_of(before + "/") == fake.key(""));
  CHECK_FALSE(tree->cgroup_of(before + "/a/none\n"));
  CHECK_FALSE(tree->cgroup_of(before + "/../a\n"));
  CHECK_FALSE(tree->cgroup_of(""));
  CHECK_FALSE(tree->cgroup_of("3:cpuset:/a\n:\n"));
}

TEST_CASE("a weight is read when asked for, and its writing is told") {
  const auto mode = GENERATE(CgroupMode::v1, CgroupMode::hybrid, CgroupMode::v2);
  const bool v2 = mode == CgroupMode::v2;
  const char* file = v2 ? "cpu.weight" : "cpu.shares";
  FakeCgroupfs fake(mode);
  fake.make("a");
  const auto tree = open(fake.options());
  look(*tree);
  const CgroupKey key = fake.key("a");
  CHECK(tree->weight(key).error().code == ENOENT);
  CHECK(tree->weight(CgroupKey{1}).error().code == ENOENT);
  put(fake.cpu("a") / file, "79\n");
  const TreeChanges changes = look(*tree);
  CHECK(changes.weights_changed == std::vector<CgroupKey>{key});
  CHECK(changes.limits_changed.empty());
  const auto weight = tree->weight(key);
  REQUIRE(weight);
  CHECK(weight->value == 79);
  CHECK(weight->scale == (v2 ? CpuWeight::Scale::weight : CpuWeight::Scale::shares));
  CHECK(look(*tree).weights_changed.empty());
  put(fake.cpu("a") / file, "-1\n");
  CHECK(look(*tree).weights_changed.size() == 1);
  CHECK(tree->weight(key).error().code == EINVAL);
}

TEST_CASE("a cgroup that is not in the hierarchy where use is counted") {
  FakeCgroupfs fake(CgroupMode::hybrid);
  fake.make("a");
  fs::remove_all(fake.acct("a"));
  const auto tree = open(fake.options());
  look(*tree);
  REQUIRE_FALSE(tree->usage(fake.key("a")));
  CHECK(tree->usage(fake.key("a")).error().code == ENOENT);
  CHECK(tree->bandwidth(fake.key("a")));
  fake.make("a");
  CHECK(*tree->usage(fake.key("a")) == 5us);
}

TEST_CASE("bandwidth comes and goes with the controller of a v2 parent") {
  FakeCgroupfs fake(CgroupMode::v2);
  fake.make("a/b");
  fs::remove(fake.cpu("a/b/cpu.max"));
  const auto tree = open(fake.options());
  look(*tree);
  CHECK(tree->bandwidth(fake.key("a/b")).error().code == ENOENT);
  put(fake.cpu("a/b/cpu.max"), "10000 100000\n");
  look(*tree);
  put(fake.cpu("a/cgroup.subtree_control"), "+cpu");
  CHECK(look(*tree).limits_changed == std::vector<CgroupKey>{fake.key("a/b")});
  CHECK(tree->bandwidth(fake.key("a/b"))->limit->quota == 10ms);
}

TEST_CASE("new, gone, and made again under the same name") {
  FakeCgroupfs fake(CgroupMode::v2);
  fake.make("a/b");
  const auto tree = open(fake.options());
  look(*tree);
  const CgroupKey a = fake.key("a");
  const CgroupKey b = fake.key("a/b");

  fake.make("x/y/z");
  TreeChanges changes = look(*tree);
  CHECK(paths(changes) == std::vector<std::string>{"/x", "/x/y", "/x/y/z"});

  fake.drop("a");
  changes = look(*tree);
  CHECK(changes.gone == std::vector<CgroupKey>{b, a});
  CHECK_FALSE(tree->usage(a));

  const CgroupKey x = fake.key("x");
  fake.drop("x");
  fake.make("x");
  changes = look(*tree);
  REQUIRE(changes.appeared.size() == 1);
  CHECK(changes.appeared[0].path == "/x");
  CHECK(changes.appeared[0].key != x);
  CHECK(changes.gone.size() == 3);
  CHECK(changes.gone.back() == x);

  fake.make("brief");
  fake.drop("brief");
  changes = look(*tree);
  CHECK(changes.appeared.empty());
  CHECK(changes.gone.empty());
}

TEST_CASE("a renamed cgroup is gone first and new the next time") {
  FakeCgroupfs fake(CgroupMode::v2);
  fake.make("a/b");
  const auto tree = open(fake.options());
  look(*tree);
  fs::rename(fake.cpu("a"), fake.cpu("z"));
  TreeChanges changes = look(*tree);
  CHECK(changes.gone.size() == 2);
  CHECK(changes.appeared.empty());
  CHECK(readable(tree->notify_fd(), 1000));
  changes = look(*tree);
  CHECK(changes.gone.empty());
  CHECK(paths(changes) == std::vector<std::string>{"/z", "/z/b"});
  CHECK(tree->usage(fake.key("z/b")));
}

TEST_CASE("the name of a removed cgroup does not lead to the new one") {
  FakeCgroupfs fake(CgroupMode::v2);
  fake.make("a");
  const auto tree = open(fake.options());
  look(*tree);
  const CgroupKey old = fake.key("a");
  fake.drop("a");
  fake.make("a");
  CHECK(tree->usage(old).error().code == ENOENT);
  CHECK(tree->bandwidth(old).error().code == ENOENT);
}

TEST_CASE("names are bytes, links are not followed") {
  FakeCgroupfs fake(CgroupMode::v2);
  const std::vector<std::string> names{"new\nline", std::string("\xff\xfe bad utf-8"),
                                       std::string(255, 'x'), "..a", " "};
  for (const std::string& name : names) fake.make(name);
  fs::create_directory_symlink("/", fake.cpu("link"));
  const auto tree = open(fake.options());
  const TreeChanges first = look(*tree);
  const auto found = paths(first);
  CHECK(found.size() == names.size() + 1);
  for (const std::string& name : names) {
    CHECK(std::ranges::find(found, "/" + name) != found.end());
    CHECK(tree->usage(fake.key(name)));
    fake.make(name + "/in");
  }
  fs::create_directory_symlink("/", fake.cpu("later"));
  CHECK(look(*tree).appeared.size() == names.size());
}
