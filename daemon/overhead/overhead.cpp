// SPDX-License-Identifier: Apache-2.0
#include "overhead/overhead.h"

#include <utility>

namespace throttlelens {

struct Overhead::Impl {
  OverheadOptions options;
  OverheadPorts ports;
  OverheadReading reading;
};

Overhead::Overhead(OverheadOptions options, OverheadPorts ports)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(ports), OverheadReading{})) {}
Overhead::~Overhead() = default;

void Overhead::identify(const std::vector<Identified>& /*identified*/,
                        const std::vector<CgroupKey>& /*gone*/, MonoTime /*now*/) {}

void Overhead::apply(const ProcessBatch& batch, MonoTime /*now*/) {
  impl_->reading.lost_processes = batch.lost;
}

void Overhead::read_memory(MonoTime /*now*/) {}

OverheadReading Overhead::read() const {
  return impl_->reading;
}

void Overhead::set_keep_ended(Nanoseconds keep_ended) {
  impl_->options.keep_ended = keep_ended;
}

}  // namespace throttlelens
