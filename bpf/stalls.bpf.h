/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stalls: the stretches in which a queue was throttled while a thread waited on it. They are told
 * to the reader when the next thing happens to the cell of that queue.
 */
#ifndef TL_STALLS_BPF_H
#define TL_STALLS_BPF_H
#include "throttle.bpf.h"

static __always_inline void tell_stall(struct tl_cpu* cpu, __u32 index, __u32 slot,
                                       struct tl_cell* cell, __u32 level, __u64 from, __u64 to,
                                       __u64 until, _Bool noticed) {
  struct tl_event_stall* event = bpf_ringbuf_reserve(&tl_stalls, sizeof(*event), 0);
  if (!event) {
    cpu->lost_stalls++;
    return;
  }
  event->kind = TL_EVENT_STALL;
  event->slot = slot;
  event->serial = cell->serial;
  event->cpu = index;
  event->level = level;
  event->from = from;
  event->to = to;
  event->until = until;
  event->noticed = noticed;
  event->reserved = 0;
  bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

__noinline int begin_stall(__u32 index, __u32 slot, __u64 entity_address, __u64 now) {
  struct tl_cpu* cpu = this_cpu(index);
  struct tl_cell* cell = cell_of(index, slot);
  if (!cpu || !cell) return 0;
  cell->stall_level = dry_level(entity_address);
  struct tl_stall* stall = &cpu->stall[cpu->stalls % TL_STALLS];
  stall->queue = queue_above(entity_address, cell->stall_level);
  stall->since = now;
  stall->time = clock_at(stall->queue, now);
  cpu->stalls++;
  cell->stall_settled = cell->settled;
  cell->stall_since = now;
  return 0;
}

/*
 * The stall noticed is over, or nobody waits any more. It may have been over before, and begun anew
 * when others had used up the quota again: those noticed, by the clock of the queue that ran dry.
 */
__noinline int end_stall(__u32 index, __u32 slot, __u64 now) {
  struct tl_cpu* cpu = this_cpu(index);
  struct tl_cell* cell = cell_of(index, slot);
  if (!cpu || !cell) return 0;
  __u64 since = cell->stall_since, from = cell->stall_settled, to = cell->settled;
  __u64 queue = 0, time = 0;
  __u32 level = cell->stall_level;
  /* Where threads are stopped, one has to run before it is stopped again. */
  if (!TL_STOPS_THREADS) {
    for (__u32 i = 0; i < TL_STALLS; i++) { /* oldest first */
      struct tl_stall* stall = &cpu->stall[(cpu->stalls + i) % TL_STALLS];
      if (!queue && stall->since == since) {
        queue = stall->queue;
        time = stall->time;
      } else if (queue && stall->queue == queue && stall->since > since) {
        __u64 length = stall->time - time;
        if (length > to - from) break;
        if (length)
          tell_stall(cpu, index, slot, cell, level, from, from + length, since + length, 1);
        from += length;
        since = stall->since;
        time = stall->time;
      }
    }
  }
  cell->stall_since = 0;
  __u64 until = since + (to - from);
  tell_stall(cpu, index, slot, cell, level, from, to, until < now ? until : now, 1);
  return 0;
}

/*
 * A level above ran dry on another cgroup's account and recovered before anything happened here:
 * `length` before the cell was settled last. It began when the other cgroup noticed, if that is
 * still remembered; otherwise it was over just now.
 */
__noinline int tell_unnoticed_stall(__u32 index, __u32 slot, __u64 length, __u64 entity_address,
                                    __u64 now) {
  struct tl_cpu* cpu = this_cpu(index);
  struct tl_cell* cell = cell_of(index, slot);
  struct tl_group* known = bpf_map_lookup_elem(&tl_groups, &slot);
  if (!cpu || !cell || !known) return 0;
  /* A quota that is gone by now was told before. */
  __u32 level = quota_level(known->address, cell->stall_level);
  __u64 since = 0, queue = queue_above(entity_address, level);
  for (__u32 i = 0; i < TL_STALLS; i++) {
    struct tl_stall* stall = &cpu->stall[i];
    if (queue && stall->queue == queue && stall->since > since) since = stall->since;
  }
  __u64 until = since && since + length < now ? since + length : now;
  tell_stall(cpu, index, slot, cell, level, cell->settled - length, cell->settled, until, 0);
  return 0;
}

#endif
