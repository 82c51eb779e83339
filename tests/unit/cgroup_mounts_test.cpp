// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include <catch2/catch.hpp>

#include "cgroup/mounts.h"

using namespace throttlelens;

namespace {

Result<CgroupHierarchies> find(const char* text, const char* root = "/sys/fs/cgroup",
                               const char* proc_cgroups = "") {
  return find_hierarchies(parse_mountinfo(text), root, proc_cgroups);
}

}  // namespace

TEST_CASE("separate v1 hierarchies beside v2 are hybrid") {
  const auto found = find(
      "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
      "33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct\n"
      "34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
      "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n");
  REQUIRE(found);
  CHECK(found->mode == CgroupMode::hybrid);
  CHECK(found->cpu == "/sys/fs/cgroup/cpu");
  CHECK(found->usage == "/sys/fs/cgroup/cpuacct");
}

TEST_CASE("cpu and cpuacct in one hierarchy, optional fields, no v2") {
  const auto found = find(
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:15 master:2 - cgroup cgroup "
      "rw,cpu,cpuacct\n");
  REQUIRE(found);
  CHECK(found->mode == CgroupMode::v1);
  CHECK(found->cpu == "/sys/fs/cgroup/cpu,cpuacct");
  CHECK(found->usage == found->cpu);
}

TEST_CASE("all v2") {
  const auto found =
      find("30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
  REQUIRE(found);
  CHECK(found->mode == CgroupMode::v2);
  CHECK(found->cpu == "/sys/fs/cgroup");
  CHECK(found->usage == "/sys/fs/cgroup");
}

TEST_CASE("a mount that shows a part of the hierarchy serves where there is no better") {
  const auto part = find("30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
  REQUIRE(part);
  CHECK(part->cpu == "/sys/fs/cgroup");
  CHECK(part->part == "/docker/abc");

  const auto both = find(
      "30 23 0:26 /docker/abc /host/cg rw - cgroup2 cgroup rw\n"
      "31 23 0:26 / /host/cg/all rw - cgroup2 cgroup rw\n",
      "/host/cg");
  REQUIRE(both);
  CHECK(both->cpu == "/host/cg/all");
  CHECK(both->part.empty());
}

TEST_CASE("all of a hierarchy, seen from a cgroup namespace, is no part") {
  const auto found = find("30 23 0:26 /../../.. /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
  REQUIRE(found);
  CHECK(found->part.empty());
}

TEST_CASE("use is not read from a hierarchy whose root is another cgroup") {
  const auto found = find(
      "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
      "33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n");
  REQUIRE(found);
  CHECK(found->usage.empty());
}

TEST_CASE("mounts outside the root are not looked at") {
  const char* text =
      "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
      "31 23 0:26 / /sys/fs/cgroupx rw - cgroup2 cgroup2 rw\n";
  CHECK_FALSE(find(text, "/host/sys/fs/cgroup"));
  CHECK(find(text, "/sys/fs/cgroup/")->cpu == "/sys/fs/cgroup");
  CHECK(find(text, "/")->cpu == "/sys/fs/cgroup");
}

TEST_CASE("escaped bytes of paths") {
  const auto mounts = parse_mountinfo(
      "30 23 0:26 /a\\040b /mnt/new\\012line\\134x\\011y rw - cgroup2 cgroup2 rw\n");
  REQUIRE(mounts.size() == 1);
  CHECK(mounts[0].root == "/a b");
  CHECK(mounts[0].point == "/mnt/new\nline\\x\ty");
}

TEST_CASE("lines cut short are skipped") {
  CHECK(parse_mountinfo("").empty());
  CHECK(parse_mountinfo("\n\n30\n30 23 0:26 / /x rw -\n30 23 0:26 / /x rw - cgroup2").size() == 1);
  CHECK(parse_mountinfo(" - cgroup2 x rw\n").empty());
}

TEST_CASE("the same mount point twice: the later one hides the earlier") {
  const auto found = find(
      "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
      "31 23 0:26 /part /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  REQUIRE(found);
  CHECK(found->cpu == "/sys/fs/cgroup");
}

TEST_CASE("no cpu controller to be seen is an error that says what to do") {
  const auto none = find("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n");
  REQUIRE_FALSE(none);
  CHECK(none.error().code == ENOENT);
  CHECK_FALSE(none.error().fix.empty());

  const char* only_v2 = "41 31 0:38 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  const char* header = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n";
  CHECK_FALSE(find(only_v2, "/sys/fs/cgroup", (std::string(header) + "cpu\t3\t8\t1\n").c_str()));
  CHECK(find(only_v2, "/sys/fs/cgroup", (std::string(header) + "cpu\t0\t8\t1\n").c_str()));
}
