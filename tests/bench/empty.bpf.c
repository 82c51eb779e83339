/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Does nothing at every switch: what any program there costs at the least.
 *//* clang-format off: the helpers need the types. */
#include <linux/bpf.h>
/* clang-format on */

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/sched_switch")
int tl_empty(void* ctx) {
  return 0;
}
