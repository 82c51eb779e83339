/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs share: the maps, the cells in them, and the windows they are placed in.
 */
#ifndef TL_CELLS_BPF_H
#define TL_CELLS_BPF_H
/* clang-format off: the helpers need the types. */
#include "kernel_types.h"
/* clang-format on */

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf_abi/accounting.h"

/* Set before loading. */
const volatile __u64 tl_base_ns = 100000000;
const volatile __u32 tl_max_slots = 4096;
const volatile __u32 tl_cpu_count = 1;

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1); /* possible CPUs */
  __type(key, __u32);
  __type(value, struct tl_cpu);
} tl_cpus SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1); /* possible CPUs x slots */
  __type(key, __u32);
  __type(value, struct tl_cell);
} tl_cells SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1); /* possible CPUs x TL_LISTS x slots / 4 */
  __type(key, __u32);
  __type(value, __u64); /* four slots of 16 bits: the kernel spaces elements by 8 bytes */
} tl_touched SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1); /* slots */
  __type(key, __u32);
  __type(value, struct tl_group);
} tl_groups SEC(".maps");

/* Serials of cgroups beyond the slots that were announced already, by css.id. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 65536);
  __type(key, __u32);
  __type(value, __u64);
} tl_overflowed SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1); /* possible CPUs */
  __type(key, __u32);
  __type(value, struct tl_running);
} tl_running SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, TL_BATCH);
  __type(key, __u32);
  __type(value, struct tl_bandwidth);
} tl_bandwidths SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, TL_THREADS);
  __type(key, __u32);
  __type(value, struct tl_thread);
} tl_threads SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1); /* possible CPUs x TL_IDLES */
  __type(key, __u32);
  __type(value, struct tl_idle);
} tl_idles SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, TL_BATCH);
  __type(key, __u32);
  __type(value, struct tl_queue);
} tl_queues SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 20);
} tl_events SEC(".maps");

/* Of their own: however many there are, nothing else is lost. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 19);
} tl_stalls SEC(".maps");

#define TL_FIRST_FAIR_PRIO 100 /* MAX_RT_PRIO; fixed since 2.6 */

#define barrier() asm volatile("" ::: "memory")
/* A store that the compiler neither moves nor splits: the order is the reader's protocol. */
#define STORE(lvalue, value)                        \
  do {                                              \
    barrier();                                      \
    *(volatile typeof(lvalue)*)&(lvalue) = (value); \
    barrier();                                      \
  } while (0)

/*
 * Functions that are not static are verified once by themselves, with any numbers as arguments,
 * instead of once per call: 5.10 could not otherwise see the end of it. They take addresses as
 * plain numbers and read through them with the helper that survives a bad one, so all that is rare
 * is here. This turns a typed pointer into such a number.
 */
static __always_inline __u64 number(const void* typed) {
  __u64 address = 0;
  bpf_probe_read_kernel(&address, sizeof(address), &typed);
  return address;
}

static __always_inline struct tl_cpu* this_cpu(__u32 index) {
  return bpf_map_lookup_elem(&tl_cpus, &index);
}

static __always_inline struct tl_cell* cell_of(__u32 index, __u32 slot) {
  __u32 key = index * tl_max_slots + slot;
  return bpf_map_lookup_elem(&tl_cells, &key);
}

/* Lists a cell for the reader, once in a window. */
static __always_inline void list_touched(struct tl_cpu* cpu, __u32 index, __u32 slot) {
  __u64 window = cpu->window;
  __u32 list = window % TL_LISTS;
  if (cpu->list_window[list] != window) {
    STORE(cpu->list_length[list], 0);
    STORE(cpu->list_window[list], window);
  }
  __u64 length = cpu->list_length[list];
  if (length < tl_max_slots) {
    __u32 n = (index * TL_LISTS + list) * tl_max_slots + (__u32)length;
    __u32 key = n / 4;
    __u16* entries = bpf_map_lookup_elem(&tl_touched, &key);
    if (entries) {
      STORE(entries[n % 4], (__u16)slot);
      STORE(cpu->list_length[list], length + 1);
    }
  }
}

/* A cell is taken over by a newer cgroup: the final totals of the old one go to the reader. */
__noinline int take_over(__u32 index, __u32 slot, __u64 serial) {
  struct tl_cpu* cpu = this_cpu(index);
  struct tl_cell* cell = cell_of(index, slot);
  if (!cpu || !cell) return 0;
  if (serial < cell->serial) { /* serials only grow: this charge is for a cgroup already gone */
    cpu->stale_charges++;
    return 0;
  }
  if (cell->serial) {
    struct tl_event_evicted* event = bpf_ringbuf_reserve(&tl_events, sizeof(*event), 0);
    if (event) {
      event->kind = TL_EVENT_EVICTED;
      event->slot = slot;
      event->cpu = index;
      event->reserved = 0;
      event->cell = *cell;
      bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
    } else {
      cpu->lost_events++;
    }
  }
  _Bool apart = !(cpu->wait_seq & 1); /* not within another change */
  if (apart) STORE(cpu->wait_seq, cpu->wait_seq + 1);
  STORE(cell->serial, 0);
  STORE(cell->ran_ns, 0);
  STORE(cell->window, 0);
  /* What follows the three fields above. */
  __u64* field = (__u64*)cell;
  for (__u32 i = 3; i < sizeof(*cell) / sizeof(__u64); i++) field[i] = 0;
  STORE(cell->serial, serial);
  if (apart) STORE(cpu->wait_seq, cpu->wait_seq + 1);
  return 1;
}

/*
 * The run queue's clock passed the end of the window: finds the new one by CLOCK_MONOTONIC. The
 * clock read here is a little later than rq.clock, by the work between, so the smallest
 * difference seen is the truest; it may drift by at most 1 / 1024 (NTP slews by 1 / 2000).
 */
__noinline int next_window(__u32 index, __u64 clock) {
  struct tl_cpu* cpu = this_cpu(index);
  if (!cpu) return 0;
  __s64 measured = (__s64)(bpf_ktime_get_ns() - clock);
  __s64 drift = (__s64)((clock - cpu->offset_at) >> 10);
  __s64 ahead = measured - cpu->offset_ns;
  /* More than 10 ms is no drift but a jump (resume, a clock that was switched). */
  if (!cpu->offset_at || ahead < drift || ahead > 10000000) drift = ahead;
  cpu->offset_ns += drift;
  cpu->offset_at = clock;
  __u64 window = (clock + cpu->offset_ns) / tl_base_ns;
  if (window < cpu->window) window = cpu->window;
  cpu->next_edge = (window + 1) * tl_base_ns - cpu->offset_ns;
  cpu->window = window;
  return 0;
}

#endif
