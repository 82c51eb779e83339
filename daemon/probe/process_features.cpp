// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include "capabilities.h"
#include "probe/plan.h"

namespace throttlelens {
namespace {

// The kernel's first PID namespace has this number since 3.8: PROC_PID_INIT_INO, which user space
// may rely on.
constexpr ino_t kFirstPidNamespace = 0xEFFFFFFC;

// The kernel tells us its own process ids. In a namespace with others /proc says nothing of them.
Feature same_ids_feature() {
  struct stat status{};
  const bool known = ::stat("/proc/self/ns/pid", &status) == 0;
  const bool same = known && status.st_ino == kFirstPidNamespace;
  return {.name = "processes of the node",
          .present = same,
          .required = false,
          .detail = same    ? ""
                    : known ? "this process is in another PID namespace, so it cannot tell which "
                              "pod's shim, or which service, a process is"
                            : "/proc/self/ns/pid cannot be read",
          .fix = same ? "" : "run in the PID namespace of the node (hostPID: true, --pid=host)"};
}

}  // namespace

std::vector<Feature> detect_process_features() {
  const bool ptrace = has_capability(kCapSysPtrace);
  return {same_ids_feature(),
          {.name = "private memory",
           .present = ptrace,
           .required = false,
           .detail = ptrace ? "" : "CAP_SYS_PTRACE is not in the effective set of this process",
           .fix = ptrace ? "" : "grant CAP_SYS_PTRACE"}};
}

}  // namespace throttlelens
