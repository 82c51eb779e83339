// SPDX-License-Identifier: Apache-2.0
#include "kernel_types.h"

#include <cerrno>
#include <string>

#include <bpf/btf.h>

namespace throttlelens {

namespace {

bool has_member(const btf* types, const btf_type* type, std::string_view name) {
  const btf_member* members = btf_members(type);
  for (int i = 0; i < btf_vlen(type); ++i) {
    const std::string_view member = btf__name_by_offset(types, members[i].name_off);
    if (member == name) return true;
    if (!member.empty()) continue;
    const btf_type* inner = btf__type_by_id(types, members[i].type);
    if (inner != nullptr && btf_is_composite(inner) && has_member(types, inner, name)) return true;
  }
  return false;
}

}  // namespace

KernelTypes::KernelTypes()
    : types_(btf__load_vmlinux_btf()), reason_(types_ == nullptr ? errno : 0) {}

KernelTypes::~KernelTypes() {
  btf__free(types_);
}

bool KernelTypes::has_tracepoint(std::string_view name) const {
  const std::string type = "btf_trace_" + std::string(name);
  return loaded() && btf__find_by_name_kind(types_, type.c_str(), BTF_KIND_TYPEDEF) > 0;
}

bool KernelTypes::has_field(const char* structure, std::string_view field) const {
  const int id = loaded() ? btf__find_by_name_kind(types_, structure, BTF_KIND_STRUCT) : -1;
  return id > 0 && has_member(types_, btf__type_by_id(types_, static_cast<__u32>(id)), field);
}

WaitFields wait_fields(const KernelTypes& types) {
  return {.run_delay = types.has_field("sched_info", "run_delay"),
          .stops_threads = types.has_field("task_struct", "throttled"),
          .lost_time = types.has_field("rq", "prev_irq_time") ||
                       types.has_field("rq", "prev_steal_time_rq")};
}

}  // namespace throttlelens
