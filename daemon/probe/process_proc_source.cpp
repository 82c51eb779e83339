// SPDX-License-Identifier: Apache-2.0
#include "probe/process_source.h"

namespace throttlelens {

namespace {

class ProcProcessSource final : public ProcessSource {
 public:
  Result<ProcessBatch> collect(MonoTime /*now*/, bool /*read_alive*/) override { return {}; }
};

}  // namespace

std::unique_ptr<ProcessSource> make_proc_process_source(const ProcessSourceOptions& /*options*/) {
  return std::make_unique<ProcProcessSource>();
}

}  // namespace throttlelens
