// SPDX-License-Identifier: Apache-2.0
// What the running kernel's types have, by its BTF.
#pragma once

#include <memory>
#include <string_view>

struct btf;

namespace throttlelens {

class KernelTypes {
 public:
  KernelTypes();
  ~KernelTypes();
  KernelTypes(const KernelTypes&) = delete;
  KernelTypes& operator=(const KernelTypes&) = delete;

  bool loaded() const { return types_ != nullptr; }
  int reason() const { return reason_; }  ///< errno when not loaded
  bool has_tracepoint(std::string_view name) const;
  /// Members of anonymous unions and structs count as the struct's own. False when not loaded.
  bool has_field(const char* structure, std::string_view field) const;

 private:
  btf* types_;
  int reason_;
};

/// What the waits depend on.
struct WaitFields {
  bool run_delay = false;      ///< sched_info.run_delay, CONFIG_SCHED_INFO: without it, no waits
  bool stops_threads = false;  ///< task_struct.throttled: threads are throttled, not queues (6.18)
  /// rq.prev_irq_time or rq.prev_steal_time_rq: the kernel does not charge such time to threads.
  bool lost_time = false;
};
WaitFields wait_fields(const KernelTypes& types);

}  // namespace throttlelens
