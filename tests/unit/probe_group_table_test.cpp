// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include <catch2/catch.hpp>

#include "group_table.h"

using namespace throttlelens;

namespace {

tl_event_cgroup event(std::uint64_t id, std::uint64_t parent, const char* name) {
  tl_event_cgroup made{};
  made.kind = TL_EVENT_CGROUP;
  made.id = id;
  made.serial = id * 10;
  made.parent_id = parent;
  made.parent_serial = parent * 10;
  made.slot = static_cast<tl_u32>(id);
  std::strncpy(made.name, name, sizeof made.name);  // as the kernel: may lack the final zero
  return made;
}

}  // namespace

TEST_CASE("children announced before their parents wait for them") {
  GroupTable table;
  table.announced_by_kernel(event(3, 2, "leaf"), 1);
  table.announced_by_kernel(event(2, 1, "middle"), 1);
  CHECK(table.by_serial(30)->path.empty());
  table.announced_by_kernel(event(1, 0, ""), 1);
  CHECK(table.root()->path == "/");
  CHECK(table.by_serial(20)->path == "/middle");
  CHECK(table.by_serial(30)->path == "/middle/leaf");
}

TEST_CASE("the kernel's announcement and the directory are one cgroup, in either order") {
  GroupTable table;
  table.announced_by_kernel(event(1, 0, "/"), 1);
  SECTION("directory first") {
    const auto seen = table.seen_in_tree({{5}, {1}, "/app"}, 1);
    table.announced_by_kernel(event(5, 1, "app"), 2);
    CHECK(table.by_serial(50) == seen);
  }
  SECTION("announcement first") {
    table.announced_by_kernel(event(5, 1, "app"), 1);
    CHECK(table.seen_in_tree({{5}, {1}, "/app"}, 2) == table.by_serial(50));
  }
  CHECK(table.by_serial(50)->in_tree);
  CHECK(table.by_serial(50)->path == "/app");
  CHECK(table.all().size() == 2);
}

TEST_CASE("use counts to every level above, and each is listed once") {
  GroupTable table;
  table.announced_by_kernel(event(1, 0, ""), 1);
  table.announced_by_kernel(event(2, 1, "a"), 1);
  table.announced_by_kernel(event(3, 2, "b"), 1);
  table.announced_by_kernel(event(4, 2, "c"), 1);
  std::vector<GroupTable::GroupPtr> active;
  GroupTable::add_use(table.by_serial(30), Nanoseconds(5), 9, active);
  GroupTable::add_use(table.by_serial(40), Nanoseconds(7), 9, active);
  GroupTable::add_use(table.by_serial(30), Nanoseconds(1), 9, active);
  CHECK(active.size() == 4);
  CHECK(table.by_serial(30)->used.count() == 6);
  CHECK(table.by_serial(20)->used.count() == 13);
  CHECK(table.root()->used.count() == 13);
  CHECK(table.root()->last_active == 9);
}

TEST_CASE("a name of full length without a final zero is cut, not overrun") {
  GroupTable table;
  table.announced_by_kernel(event(1, 0, ""), 1);
  tl_event_cgroup long_name = event(2, 1, "");
  std::memset(long_name.name, 'x', sizeof long_name.name);
  table.announced_by_kernel(long_name, 1);
  CHECK(table.by_serial(20)->path == "/" + std::string(sizeof long_name.name, 'x'));
}

TEST_CASE("a directory whose parent is unknown has no place") {
  GroupTable table;
  CHECK(table.seen_in_tree({{5}, {4}, "/a/b"}, 1) == nullptr);
  CHECK(table.all().empty());
}

TEST_CASE("a removed cgroup is gone by key and by serial; those below keep their way up") {
  GroupTable table;
  table.announced_by_kernel(event(1, 0, ""), 1);
  table.announced_by_kernel(event(2, 1, "a"), 1);
  table.announced_by_kernel(event(3, 2, "b"), 1);
  table.remove({2});
  CHECK(table.by_key({2}) == nullptr);
  CHECK(table.by_serial(20) == nullptr);
  std::vector<GroupTable::GroupPtr> active;
  GroupTable::add_use(table.by_serial(30), Nanoseconds(5), 9, active);
  CHECK(table.root()->used.count() == 5);
}

TEST_CASE("a cgroup whose structure the kernel replaced is one cgroup, by either serial") {
  GroupTable table;
  table.announced_by_kernel(event(1, 0, ""), 1);
  table.announced_by_kernel(event(2, 1, "a"), 1);
  const GroupTable::GroupPtr group = table.by_key({2});
  tl_event_cgroup again = event(2, 1, "a");
  again.serial = 77;
  table.announced_by_kernel(again, 2);
  CHECK(table.by_key({2}) == group);
  CHECK(table.by_serial(77) == group);
  CHECK(table.by_serial(20) == group);  // time charged before is yet to be read

  table.forget_serial(group);
  CHECK(group->serial == 0);
  CHECK(table.by_serial(77) == group);
  CHECK(table.by_serial(20) == nullptr);
  again.serial = 88;
  table.announced_by_kernel(again, 3);
  CHECK(table.by_serial(88) == group);
  CHECK(table.by_serial(77) == group);
  table.remove({2});
  CHECK(table.by_serial(88) == nullptr);
  CHECK(table.by_serial(77) == nullptr);
}
