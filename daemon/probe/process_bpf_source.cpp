// SPDX-License-Identifier: Apache-2.0
#include <cerrno>

#include "probe/process_source.h"

namespace throttlelens {

Result<std::unique_ptr<ProcessSource>> make_bpf_process_source(
    const ProcessSourceOptions& /*options*/) {
  return std::unexpected(os_error("load the BPF programs", "processes", ENOTSUP));
}

}  // namespace throttlelens
