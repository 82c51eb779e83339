// SPDX-License-Identifier: Apache-2.0
// The tree where something is short: watches, descriptors, path lengths, the mounts themselves.
#include <algorithm>
#include <cerrno>
#include <iterator>

#include <catch2/catch.hpp>
#include <sys/resource.h>

#include "cgroup_fake.h"

using namespace throttlelens;
using namespace throttlelens::test;
using namespace std::chrono_literals;

TEST_CASE("a watch is given back with its cgroup") {
  FakeCgroupfs fake(CgroupMode::v2);
  fake.make("stays");
  const auto tree = open(fake.options());
  look(*tree);
  const int before = watches_of_this_process();
  for (int i = 0; i < 5; ++i) {
    fake.make("a/b");
    look(*tree);
    CHECK(watches_of_this_process() == before + 2);
    fake.drop("a");
    look(*tree);
  }
  CHECK(watches_of_this_process() == before);
}

TEST_CASE("deep nesting ends, with a word about it, where paths end") {
  FakeCgroupfs fake(CgroupMode::v2);
  const std::string name(200, 'd');
  fs::path at = fake.cpu("");
  int levels = 0;
  std::error_code error;
  const fs::path start = fs::current_path();
  fs::current_path(at);
  for (; levels < 30 && ::mkdir(name.c_str(), 0755) == 0 && ::chdir(name.c_str()) == 0; ++levels) {
  }
  fs::current_path(start);
  REQUIRE(levels == 30);
  const auto tree = open(fake.options());
  const TreeChanges first = look(*tree);
  check_parents_first(first);
  CHECK(first.appeared.size() == 1 + 4095 / 201);
  REQUIRE(tree->take_warnings().size() == 1);
  CHECK(tree->take_warnings().empty());
  CHECK(look(*tree).appeared.empty());
}

TEST_CASE("without watches it looks again by itself, and says so once") {
  FakeCgroupfs fake(CgroupMode::v2);
  fake.make("a/b");
  auto options = fake.options();
  options.max_watches = 1;
  options.rescan = 1ms;
  const auto tree = open(options);
  CHECK(look(*tree).appeared.size() == 3);
  const auto warnings = tree->take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].code == ENOSPC);
  tree->bandwidth(fake.key("a/b"));

  const CgroupKey b = fake.key("a/b");
  fake.drop("a/b");
  fake.make("a/b");
  fake.make("a/n/m");
  put(fake.cpu("a/b/cpu.max"), "10000 100000\n");
  REQUIRE(readable(tree->notify_fd(), 5000));
  TreeChanges changes = look(*tree);
  CHECK(changes.gone == std::vector<CgroupKey>{b});
  auto found = paths(changes);
  std::ranges::sort(found);
  CHECK(found == std::vector<std::string>{"/a/b", "/a/n", "/a/n/m"});

  CHECK(tree->bandwidth(fake.key("a/b"))->limit->quota == 10ms);
  put(fake.cpu("a/b/cpu.max"), "20000 100000\n");
  REQUIRE(readable(tree->notify_fd(), 5000));
  changes = look(*tree);
  CHECK(std::ranges::find(changes.limits_changed, fake.key("a/b")) != changes.limits_changed.end());
  CHECK(tree->bandwidth(fake.key("a/b"))->limit->quota == 20ms);
  CHECK(tree->take_warnings().empty());
}

TEST_CASE("more cgroups than descriptors") {
  FakeCgroupfs fake(CgroupMode::hybrid);
  for (int i = 0; i < 100; ++i) fake.make("c" + std::to_string(i));
  const auto tree = open(fake.options());
  const TreeChanges first = look(*tree);
  REQUIRE(first.appeared.size() == 101);

  const auto used = static_cast<rlim_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const auto spare = GENERATE(rlim_t{6}, rlim_t{40});
  rlimit tight = before;
  tight.rlim_cur = used + spare;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  int failed = 0;
  for (int again = 0; again < 2; ++again) {
    for (const CgroupNode& node : first.appeared) {
      if (!tree->usage(node.key)) ++failed;
      if (node.path != "/" && !tree->bandwidth(node.key)) ++failed;
    }
  }
  fake.make("c5/below");
  const auto changes = tree->changes();
  ::setrlimit(RLIMIT_NOFILE, &before);
  CHECK(failed == 0);
  REQUIRE(changes);
  CHECK(changes->appeared.size() == 1);
  CHECK(changes->gone.empty());
  const auto warnings = tree->take_warnings();
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].code == EMFILE);
}

TEST_CASE("what is missing at the start is an error") {
  CgroupTreeOptions options;
  options.proc = "/nonexistent";
  const auto tree = CgroupTree::open(options);
  REQUIRE_FALSE(tree);
  CHECK(tree.error().code == ENOENT);
}
