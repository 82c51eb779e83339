// SPDX-License-Identifier: Apache-2.0
// Whatever the path: an id is at its end and safe to open, a pod is safe to show.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "container_path.h"
#include "state_discovery.h"

using namespace throttlelens::runtime;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string path(data, data + size);
  if (const auto found = parse_container_path(path)) {
    const std::string id(found->id);
    require(id.size() == 64 && is_safe_name(id));
    require(path.ends_with(id) || path.ends_with(id + ".scope"));
    require(found->pod.empty() || is_safe_name(found->pod));
    require(found->kubernetes == !found->qos.empty());
    require(!found->in_pod_cgroup || !found->pod.empty());
  }
  if (const auto named = parse_named_container(path)) {
    require(is_safe_name(named->space) && is_safe_name(named->id));
  }
  for (const char* name : {"containerd-shim", "conmon"}) {
    for (const StateDir& state : states_of_process(name, path, path)) {
      require(state.path.starts_with('/') && state.path.find('\0') == std::string::npos);
    }
  }
  return 0;
}
