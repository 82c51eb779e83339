/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How long queues have been throttled, and by which level.
 *
 * Every queue has a clock that runs while the queue is throttled by whichever level: its throttle
 * clock. Each kernel keeps it in the same manner under another name, by another clock of the CPU.
 */
#ifndef TL_THROTTLE_BPF_H
#define TL_THROTTLE_BPF_H
#include "cells.bpf.h"

/* Since 6.18 throttling stops threads, on their way to user space, not queues (e1fad12dcb66). */
#define TL_STOPS_THREADS bpf_core_field_exists(((struct task_struct*)0)->throttled)

/*
 * A field of a kernel object, near: a load through a typed pointer (4 ns), as on the path of every
 * switch; or far: by a plain address, with the helper that survives a bad one (150 ns).
 */
enum { TL_NEAR, TL_FAR };
#define FIELD(from, object, field) \
  ((from) == TL_NEAR ? (object)->field : BPF_CORE_READ(object, field))

/*
 * The throttle clock as a kernel keeps it: `done` when throttling ended last, and counting again
 * `since` an instant of rq.clock; 0: it does not. Up to 6.5 that instant is kept by another clock
 * of the CPU, which is behind: it is told as if that had always been as far behind as it is now.
 */
struct throttle_fields {
  __u64 done;
  __u64 since;
};

static __always_inline struct throttle_fields throttle_fields(int from, struct cfs_rq* queue,
                                                              struct rq* rq) {
  struct throttle_fields fields = {0, 0};
  if (bpf_core_field_exists(queue->throttled_clock_self)) {
    fields.done = FIELD(from, queue, throttled_clock_self_time);
    fields.since = FIELD(from, queue, throttled_clock_self);
  } else if (bpf_core_field_exists(queue->throttled_clock_pelt)) {
    fields.done = FIELD(from, queue, throttled_clock_pelt_time);
    if (FIELD(from, queue, throttle_count) > 0) {
      __u64 pelt = FIELD(from, rq, clock_pelt) - FIELD(from, rq, lost_idle_time);
      __u64 behind = FIELD(from, rq, clock) - pelt;
      fields.since = FIELD(from, queue, throttled_clock_pelt) + behind;
    }
  } else if (bpf_core_field_exists(queue->throttled_clock_task)) {
    fields.done = FIELD(from, queue, throttled_clock_task_time);
    if (FIELD(from, queue, throttle_count) > 0) {
      __u64 behind = FIELD(from, rq, clock) - FIELD(from, rq, clock_task);
      fields.since = FIELD(from, queue, throttled_clock_task) + behind;
    }
  }
  return fields;
}

/* At an instant of rq.clock that lies in the throttling in progress, or after the last one. */
static __always_inline __u64 throttle_time(struct throttle_fields fields, __u64 at) {
  if (fields.since && at > fields.since) fields.done += at - fields.since;
  return fields.done;
}

struct throttle_clock {
  __u64 time;
  _Bool growing; /* throttled now */
};

/* `now`: rq.clock. */
static __always_inline struct throttle_clock throttle_clock(struct cfs_rq* queue, struct rq* rq,
                                                            __u64 now) {
  struct throttle_fields fields = throttle_fields(TL_NEAR, queue, rq);
  struct throttle_clock clock = {throttle_time(fields, now), fields.since != 0};
  return clock;
}

/* As throttle_time(), from afar. */
__noinline __u64 clock_at(__u64 queue_address, __u64 at) {
  struct cfs_rq* queue = (struct cfs_rq*)queue_address;
  return throttle_time(throttle_fields(TL_FAR, queue, BPF_CORE_READ(queue, rq)), at);
}

/* Levels above the cgroup of a thread, given by its entity: the nearest one that ran dry here. */
__noinline int dry_level(__u64 entity_address) {
  struct sched_entity* entity = (struct sched_entity*)entity_address;
  int throttled = BPF_CORE_READ(entity, cfs_rq, throttle_count);
  for (int level = 0; level < TL_MAX_DEPTH; level++) {
    entity = BPF_CORE_READ(entity, parent);
    if (!entity) return level;
    /* tg_throttle_down() counts a throttled level in its own queue and in all below. */
    int above = BPF_CORE_READ(entity, cfs_rq, throttle_count);
    if (throttled > above) return level;
    throttled = above;
  }
  return 0;
}

/* Address of the queue so many levels above the one a thread is on. */
__noinline __u64 queue_above(__u64 entity_address, __u32 level) {
  struct sched_entity* entity = (struct sched_entity*)entity_address;
  for (__u32 i = 0; i < TL_MAX_DEPTH && i < level && entity; i++)
    entity = BPF_CORE_READ(entity, parent);
  return entity ? (__u64)BPF_CORE_READ(entity, cfs_rq) : 0;
}

/* As dry_level(), after the fact: the nearest that has a quota above; `else_level` without one. */
__noinline int quota_level(__u64 group_address, int else_level) {
  struct task_group* group = (struct task_group*)group_address;
  for (int level = 1; level < TL_MAX_DEPTH; level++) {
    group = BPF_CORE_READ(group, parent);
    if (!group) break;
    if (BPF_CORE_READ(group, cfs_bandwidth.quota) != TL_UNLIMITED) return level;
  }
  return else_level;
}

/*
 * The queue of a cgroup on a CPU as a number; 0: not known (any more). task_group.cfs_rq is an
 * array by CPU up to 7.1 and a per-CPU pointer since, so the cell remembers where threads waited.
 */
__noinline __u64 queue_of(__u32 index, __u32 slot, __u64 serial) {
  if (index >= tl_cpu_count || slot >= tl_max_slots) return 0;
  struct tl_cell* cell = cell_of(index, slot);
  if (!cell || cell->serial != serial || !cell->queue) return 0;
  struct cfs_rq* queue = (struct cfs_rq*)cell->queue;
  return BPF_CORE_READ(queue, tg, css.serial_nr) == serial ? cell->queue : 0;
}

__noinline int read_queue(__u32 n) {
  struct tl_queue* out = bpf_map_lookup_elem(&tl_queues, &n);
  if (!out) return 0;
  out->valid = 0;
  struct cfs_rq* queue = (struct cfs_rq*)queue_of(out->cpu, out->slot, out->serial);
  if (!queue) return 1;
  struct rq* rq = BPF_CORE_READ(queue, rq);
  struct throttle_fields fields = throttle_fields(TL_FAR, queue, rq);
  struct throttle_fields again = throttle_fields(TL_FAR, queue, rq);
  /* Began or ended between the two: the next time tells. */
  if (again.done != fields.done || again.since != fields.since) return 1;
  out->time = fields.done;
  out->at = fields.since;
  out->growing = fields.since != 0;
  out->level = quota_level((__u64)BPF_CORE_READ(queue, tg), 0);
  out->valid = 1;
  return 1;
}

#endif
