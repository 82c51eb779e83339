/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one layout both sides share: the BPF programs write it, the probe room reads it through
 * shared memory. Only fixed-width fields; sizes are asserted on both sides.
 *
 * Everything is a running total with one writer. The reader takes differences, so a slow, late or
 * restarted reader can lose the place of time (a window), never the time itself.
 */
#ifndef TL_BPF_ABI_ACCOUNTING_H
#define TL_BPF_ABI_ACCOUNTING_H

#ifdef __bpf__
typedef unsigned int tl_u32;
typedef unsigned long long tl_u64;
typedef long long tl_s64;
#else
#include <stdint.h>
typedef uint32_t tl_u32;
typedef uint64_t tl_u64;
typedef int64_t tl_s64;
#endif

/* Windows whose starting totals a cell still knows. */
#define TL_EDGES 4u
/* Windows whose touched cells a CPU still lists. More than TL_EDGES, so that a reader who is in
 * time for the edges is in time for the lists. */
#define TL_LISTS 8u
/* CPUs or cgroups handled by one run of a reading program: bounded loops for the verifier. */
#define TL_BATCH 64u
/* Levels of the cgroup tree announced with a new cgroup; the kernel's own default is no limit. */
#define TL_MAX_DEPTH 32
#define TL_NAME_LEN 256u
/* css.id is dense from 1 (the root), so it serves as slot; 0 is never a cgroup: the idle threads.
 */
#define TL_SLOT_IDLE 0u
#define TL_SLOT_ROOT 1u

/*
 * CPU time of one cgroup on one CPU. Written only by that CPU, inside sched_switch.
 * To read the total at the start of window e: read ran_ns, then window. If window < e, it is
 * ran_ns; otherwise, as long as window < e + TL_EDGES, it is edge_ns[e % TL_EDGES]. The writer
 * stores edges, then window, then ran_ns.
 */
struct tl_cell {
  tl_u64 serial;            /* css.serial_nr of the cgroup counted here; 0: none yet, or idle */
  tl_u64 ran_ns;            /* se.sum_exec_runtime charged; wall time for the idle slot */
  tl_u64 window;            /* last window in which this cell was charged */
  tl_u64 edge_ns[TL_EDGES]; /* ran_ns at the start of window w, at [w % TL_EDGES] */
  tl_u64 reserved;
};

/* A thread changed its cgroup while it ran. */
#define TL_MOVES 4u
struct tl_move {
  tl_u64 task;   /* its address */
  tl_u64 sum;    /* its se.sum_exec_runtime then: the kernel charges up to the move */
  tl_u64 group;  /* address of the task_group it came to */
  tl_u64 serial; /* of that group */
  tl_u32 slot;
  tl_u32 reserved;
};

/*
 * What a CPU is doing. seq is odd while the fields change. Times are the run queue's clock
 * (rq.clock): read by the scheduler anyway, and the one it charges by. offset_ns leads to
 * CLOCK_MONOTONIC.
 */
struct tl_cpu {
  tl_u64 seq;
  tl_u64 task;   /* address of the thread switched in; 0: this CPU was not seen yet */
  tl_u64 group;  /* address of its task_group at that moment; 0 for idle */
  tl_u64 serial; /* of that group */
  tl_u32 slot;
  tl_u32 pid;           /* of the thread, as the kernel numbers it; 0: idle */
  tl_u64 rq;            /* address of this CPU's run queue */
  tl_u64 since;         /* rq.clock at switch-in */
  tl_u64 sum_in;        /* se.sum_exec_runtime at switch-in */
  tl_u64 window;        /* the window `since` and later switches are in */
  tl_u64 next_edge;     /* rq.clock at which it ends */
  tl_s64 offset_ns;     /* CLOCK_MONOTONIC - rq.clock */
  tl_u64 offset_at;     /* rq.clock when the offset was measured */
  tl_u64 lost_switches; /* switches whose previous thread was not the one recorded */
  tl_u64 recovered;     /* of those, where the kernel's own fields told both slices */
  tl_u64 lost_events;   /* announcements that found no room in the ring buffer */
  tl_u64 stale_charges; /* slices of a cgroup whose slot already belonged to a newer one */
  tl_u64 moves_seen;    /* of `moves`, at switch-in */
  tl_u64 list_window[TL_LISTS];
  tl_u64 list_length[TL_LISTS];
  /* Written by the CPU that moves a thread to another cgroup while it runs here. */
  tl_u64 moves;
  struct tl_move move[TL_MOVES]; /* move n at [n % TL_MOVES] */
  tl_u64 reserved[6];            /* whole cache lines: no CPU writes to another one's */
};

/* A cgroup as the reading programs find it. Written by whichever CPU meets it first. */
struct tl_group {
  tl_u64 serial;  /* last field written */
  tl_u64 address; /* task_group */
};

/* What a CPU runs, read from another one. */
struct tl_running {
  tl_u64 valid;     /* the fields belong together */
  tl_u64 seq;       /* tl_cpu.seq they were read under */
  tl_u64 clock;     /* rq.clock at the scheduler's last update, at most a tick ago */
  tl_u64 task;      /* address of rq.curr: not tl_cpu.task when a switch was lost */
  tl_u64 sum;       /* its se.sum_exec_runtime at that moment */
  tl_u64 sum_start; /* its se.prev_sum_exec_runtime: the same at switch-in */
  tl_u64 serial;    /* of the cgroup it counts to now */
  tl_u32 slot;
  tl_u32 pid;          /* 0: idle */
  tl_u64 recorded_sum; /* se.sum_exec_runtime of tl_cpu.task if a switch was lost; 0: unknown */
};

#define TL_UNLIMITED (~0ull)

/* One request for the bandwidth counters of a cgroup, and its answer. */
struct tl_bandwidth {
  tl_u64 serial;   /* in */
  tl_u32 slot;     /* in */
  tl_u32 valid;    /* out: the slot still held that serial */
  tl_u64 quota_ns; /* TL_UNLIMITED: none */
  tl_u64 period_ns;
  tl_u64 burst_ns;
  tl_u64 throttled_ns;
  tl_u64 burst_time_ns;
  tl_u32 nr_periods;
  tl_u32 nr_throttled;
  tl_u32 nr_burst;
  tl_u32 has_burst_counters;
};

enum tl_event_kind {
  TL_EVENT_CGROUP = 1,   /* a cgroup ran for the first time */
  TL_EVENT_EVICTED = 2,  /* its slot was taken over; the final cell of one CPU */
  TL_EVENT_OVERFLOW = 3, /* a cgroup whose slot is beyond max_cgroups: charged to its parent */
};

struct tl_event_cgroup {
  tl_u32 kind;
  tl_u32 slot;
  tl_u64 serial;
  tl_u64 id;            /* kernfs_node.id */
  tl_u64 parent_serial; /* 0 for the root */
  tl_u64 parent_id;
  char name[TL_NAME_LEN]; /* of its directory; hostile bytes; "" or "/" for the root */
};

struct tl_event_evicted {
  tl_u32 kind;
  tl_u32 slot;
  tl_u32 cpu;
  tl_u32 reserved;
  struct tl_cell cell;
};

#ifdef __cplusplus
#define TL_ASSERT_SIZE(type, size) static_assert(sizeof(type) == (size))
#else
#define TL_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#endif
TL_ASSERT_SIZE(struct tl_cell, 64);
TL_ASSERT_SIZE(struct tl_cpu, 480);
TL_ASSERT_SIZE(struct tl_group, 16);
TL_ASSERT_SIZE(struct tl_running, 72);
TL_ASSERT_SIZE(struct tl_bandwidth, 72);
TL_ASSERT_SIZE(struct tl_event_cgroup, 296);
TL_ASSERT_SIZE(struct tl_event_evicted, 80);

#endif
