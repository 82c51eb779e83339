// SPDX-License-Identifier: Apache-2.0
// bench_attach empty|throttlelens|processes: attaches, prints "ready", and stays until its input is
// closed.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include <bpf/libbpf.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "cgroup/cgroup_tree.h"
#include "empty.skel.h"
#include "probe/process_source.h"
#include "probe/source.h"

namespace {

using namespace throttlelens;

void say_ready() {
  std::puts("ready");
  std::fflush(stdout);
}

/// False when the input was closed.
bool wait(int milliseconds) {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return ::poll(&input, 1, milliseconds) == 0;
}

int fail(const std::string& message) {
  std::fprintf(stderr, "bench_attach: %s\n", message.c_str());
  return 1;
}

int attach_empty() {
  empty_bpf* object = empty_bpf::open_and_load();
  if (object == nullptr) return fail("cannot load the empty program");
  if (empty_bpf::attach(object) != 0) return fail("cannot attach the empty program");
  say_ready();
  wait(-1);
  empty_bpf::destroy(object);
  return 0;
}

/// As the daemon does it: the probe at work, collected once a window.
int attach_throttlelens() {
  auto tree = CgroupTree::open({});
  if (!tree) return fail(tree.error().message());
  auto source = make_bpf_source({}, {}, **tree);
  if (!source) return fail(source.error().message());
  const SystemClock clock;
  say_ready();
  do {
    const auto changes = (*tree)->changes();
    if (!changes) return fail(changes.error().message());
    if (auto batches = (*source)->collect(clock.now(), *changes); !batches) {
      return fail(batches.error().message());
    }
  } while (wait(100));
  return 0;
}

/// What follows processes, alone.
int attach_processes() {
  auto source = make_bpf_process_source({});
  if (!source) return fail(source.error().message());
  const SystemClock clock;
  say_ready();
  unsigned windows = 0;
  do {
    if (auto batch = (*source)->collect(clock.now(), ++windows % 10 == 0); !batch) {
      return fail(batch.error().message());
    }
  } while (wait(100));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc == 2 ? argv[1] : "";
  if (what == "empty") return attach_empty();
  if (what == "throttlelens") return attach_throttlelens();
  if (what == "processes") return attach_processes();
  std::fputs("usage: bench_attach empty|throttlelens|processes\n", stderr);
  return 2;
}
