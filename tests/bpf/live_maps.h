// SPDX-License-Identifier: Apache-2.0
// Reaches into the maps of the running BPF programs, to do to them what a kernel that loses events
// does. The product has no door for this; the kernel has.
#pragma once

#include <cstddef>

#include "bpf_abi/accounting.h"

namespace throttlelens::test {

class LiveCpus {
 public:
  LiveCpus();  ///< the newest map named tl_cpus
  ~LiveCpus();
  LiveCpus(const LiveCpus&) = delete;
  LiveCpus& operator=(const LiveCpus&) = delete;

  /// Makes every CPU remember a thread that does not exist: its next switch has another one.
  void forget_threads();
  std::size_t size() const { return count_; }

 private:
  tl_cpu* cpus_ = nullptr;
  std::size_t count_ = 0;
  std::size_t length_ = 0;
};

}  // namespace throttlelens::test
