// SPDX-License-Identifier: Apache-2.0
// What goes by the name of a runtime and is part of a container.
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "play.h"
#include "scoped_cgroup.h"

using namespace throttlelens;
using namespace throttlelens::test;

// As `runc init` does: it executes a copy of itself, maybe after it was moved.
TEST_CASE("processes: a runtime that executes itself in its container is the container's") {
  Stage stage;
  const ScopedCgroup group;
  ProcessWatch watch;
  const std::string runc = stage("runc");
  Play shim(stage("containerd-shim-runc-v2"),
            {"run",  runc,   "[",    "spin", "2000", "run",  runc,
             "[",    "spin", "4000", "mark", "init", "join", group.cpu_dir() + "/cgroup.procs",
             "mark", "in",   "exec", runc,   "[",    "spin", "5000",
             "fork", "[",    "spin", "3000", "]",    "run",  stage("crun"),
             "[",    "spin", "1000", "]",    "]",    "]",    "]"});
  const pid_t pid = shim.pid();
  const Marked init = shim.wait_for("init");
  const Marked in = shim.wait_for("in");
  REQUIRE(init.pid == in.pid);
  (void)shim.finish();
  REQUIRE(shim.ran().size() == 4);  // the first to end: what the container forked, and ran
  const pid_t forked = shim.ran()[0].first;
  const pid_t inner = shim.ran()[1].first;
  REQUIRE(shim.ran()[2].first == init.pid);
  watch.until_ended({pid, init.pid, shim.ran()[3].first});
  CHECK(watch.all_ended(init.pid).size() == 1);
  CHECK(watch.ended(init.pid)->root == watch.seen(pid)->key);
  CHECK(watch.ended(init.pid)->cpu >= init.cpu);
  CHECK(watch.ended(init.pid)->cpu <= in.cpu);
  CHECK_FALSE(watch.seen(init.pid));
  CHECK_FALSE(watch.told_of(forked));
  CHECK_FALSE(watch.told_of(inner));
  CHECK(watch.lost() == 0);
}
