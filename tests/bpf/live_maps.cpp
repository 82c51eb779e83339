// SPDX-License-Identifier: Apache-2.0
#include "live_maps.h"

#include <atomic>
#include <string_view>

#include <bpf/bpf.h>
#include <catch2/catch.hpp>
#include <sys/mman.h>
#include <unistd.h>

namespace throttlelens::test {

LiveCpus::LiveCpus() {
  __u32 newest = 0;
  bpf_map_info found{};
  for (__u32 id = 0; bpf_map_get_next_id(id, &id) == 0;) {
    const int fd = bpf_map_get_fd_by_id(id);
    if (fd < 0) continue;
    bpf_map_info info{};
    __u32 length = sizeof info;
    if (bpf_obj_get_info_by_fd(fd, &info, &length) == 0 &&
        std::string_view(info.name) == "tl_cpus") {
      newest = id;
      found = info;
    }
    ::close(fd);
  }
  REQUIRE(newest != 0);
  const int fd = bpf_map_get_fd_by_id(newest);
  count_ = found.max_entries;
  length_ = (count_ * sizeof(tl_cpu) + 4095) / 4096 * 4096;
  void* memory = ::mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  REQUIRE(memory != MAP_FAILED);
  cpus_ = static_cast<tl_cpu*>(memory);
}

LiveCpus::~LiveCpus() {
  ::munmap(cpus_, length_);
}

void LiveCpus::forget_threads() {
  for (std::size_t i = 0; i < count_; ++i) {
    std::atomic_ref<tl_u64>(cpus_[i].task).store(8, std::memory_order_relaxed);
  }
}

}  // namespace throttlelens::test
