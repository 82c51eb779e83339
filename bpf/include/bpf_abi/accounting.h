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

#include "bpf_abi/types.h"

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

/* Buckets of the histograms of waits: up to 1, 3, 10, 30, 100, 300, 1000 ms, and longer. */
#define TL_WAIT_BUCKETS 8u
enum tl_cause { TL_THROTTLE, TL_CONTENTION, TL_CAUSES };

/*
 * CPU time and waits of one cgroup on one CPU. Written only under that CPU's run queue lock: by the
 * CPU itself inside sched_switch and, up to 6.17, by whoever wakes a thread onto it. `left` is the
 * exception: other CPUs add to it.
 *
 * CPU time. To read the total at the start of window e: read ran_ns, then window. If window < e, it
 * is ran_ns; otherwise, as long as window < e + TL_EDGES, it is edge_ns[e % TL_EDGES]. The writer
 * stores edges, then window, then ran_ns.
 *
 * Waits, ended and in progress, without a list of them: at the instant t of CLOCK_MONOTONIC they
 * are wait_ns + waiting * t, modulo 2^64, added up over CPUs. A wait that begins at s adds 1 to
 * `waiting` and takes s from wait_ns; at its end, maybe on another CPU, it takes 1 and adds s plus
 * its length. Throttled waits: throttled_ns + (held - left) * (T(t) - settled), where T is the
 * throttle clock of this CPU's queue of the cgroup. wait_edge and throttle_edge are both values at
 * the starts of windows, as edge_ns with wait_window in place of window. tl_cpu.wait_seq is odd
 * while these fields change.
 */
struct tl_cell {
  tl_u64 serial;        /* css.serial_nr of the cgroup counted here; 0: none yet, or idle */
  tl_u64 ran_ns;        /* se.sum_exec_runtime charged; wall time for the idle slot */
  tl_u64 window;        /* last window in which this cell was charged */
  tl_u64 lost_ns;       /* of slices: wall time that was not charged (interrupts, hypervisor) */
  tl_u64 wait_window;   /* last window in which a wait began or ended here */
  tl_u64 wait_ns;       /* see above */
  tl_u64 waiting;       /* see above; negative where more end than begin */
  tl_u64 throttled_ns;  /* waits while the queue was throttled, up to `settled` */
  tl_u64 settled;       /* throttle clock up to which throttled_ns is complete */
  tl_u32 held;          /* waits begun here that throttling of the queue stops... */
  tl_u32 left;          /* ...of these, ended; both only grow, modulo 2^32 */
  tl_u64 stall_since;   /* rq.clock when the throttling in progress was noticed; 0: none */
  tl_u64 stall_settled; /* throttle clock at that moment */
  tl_u64 queue;         /* address of this CPU's queue of the cgroup, once a wait was held on it */
  tl_u32 stall_level;   /* levels above this cgroup that ran dry: 0 itself, 1 its parent */
  tl_u32 reserved;
  tl_u64 ended_ns[TL_CAUSES]; /* parts of ended waits, by cause */
  tl_u32 ended[TL_CAUSES][TL_WAIT_BUCKETS];
  tl_u64 edge_ns[TL_EDGES]; /* ran_ns at the start of window w, at [w % TL_EDGES] */
  tl_u64 wait_edge[TL_EDGES];
  tl_u64 throttle_edge[TL_EDGES];
};

/*
 * The last switch of a thread, at [pid % TL_THREADS]. Two threads of one index take turns; a wait
 * in progress keeps its place.
 */
#define TL_THREADS 65536u
struct tl_thread {
  tl_u64 task;    /* its address */
  tl_u64 delay;   /* its sched_info.run_delay then, a wait that had just ended included */
  tl_u64 serial;  /* of the cgroup the wait in progress counts to */
  tl_u64 since;   /* when it began, CLOCK_MONOTONIC by the estimate of that CPU */
  tl_u64 settled; /* throttle clock of its queue at that moment */
  tl_u32 slot;
  tl_u32 cpu; /* whose queue it waits on */
  tl_u32 pid;
  tl_u32 waits; /* enum tl_waits */
  tl_u64 reserved;
};
enum tl_waits {
  TL_NOT_WAITING,
  TL_FOR_CPU, /* throttling of the queue does not stop it */
  TL_HELD,    /* throttling of the queue stops it */
};

/* Stretches in which a CPU was idle; number n at [n % TL_IDLES]. Times are the run queue's clock.
 */
#define TL_IDLES 2048u
struct tl_idle {
  tl_u64 since;
  tl_u64 until;
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

/* Throttling of a queue that was noticed. */
#define TL_STALLS 4u
struct tl_stall {
  tl_u64 queue; /* address of the one that ran dry */
  tl_u64 since; /* rq.clock */
  tl_u64 time;  /* its throttle clock then */
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
  tl_u64 partial_waits; /* waits of threads whose last switch was not known */
  tl_u64 wait_seq;      /* odd while waits in this CPU's cells change */
  tl_u64 idles;         /* stretches of idling ended so far */
  tl_u64 lost_stalls;   /* stretches of throttling that found no room in the ring buffer */
  tl_u64 moves_seen;    /* of `moves`, at switch-in */
  tl_u64 stalls;        /* noticed so far */
  struct tl_stall stall[TL_STALLS]; /* number n at [n % TL_STALLS] */
  tl_u64 list_window[TL_LISTS];
  tl_u64 list_length[TL_LISTS];
  /* Written by the CPU that moves a thread to another cgroup while it runs here. */
  tl_u64 moves;
  struct tl_move move[TL_MOVES]; /* move n at [n % TL_MOVES] */
  tl_u64 reserved[1];            /* whole cache lines: no CPU writes to another one's */
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
  tl_u64 waiting;      /* serial of the cgroup for which it still waits: its switch-in was lost */
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

/* One request for the throttle clock of a cgroup's queue on a CPU, and its answer. */
struct tl_queue {
  tl_u64 serial;  /* in */
  tl_u32 slot;    /* in */
  tl_u32 cpu;     /* in */
  tl_u32 valid;   /* out: the slot still held that serial */
  tl_u32 growing; /* out: throttled now: the clock runs as fast as rq.clock */
  tl_u64 time;    /* out: throttle clock... */
  tl_u64 at;      /* ...at this rq.clock */
  tl_u32 level;   /* out: levels up to the nearest above that has a quota; 0: none */
  tl_u32 reserved;
};

enum tl_event_kind {
  TL_EVENT_CGROUP = 1,   /* a cgroup ran for the first time */
  TL_EVENT_EVICTED = 2,  /* its slot was taken over; the final cell of one CPU */
  TL_EVENT_OVERFLOW = 3, /* a cgroup whose slot is beyond max_cgroups: charged to its parent */
  TL_EVENT_STALL = 4,    /* throttling of a cgroup's queue on one CPU ended */
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

/* Between two readings of a queue's throttle clock, while a thread waited on it, it advanced. */
struct tl_event_stall {
  tl_u32 kind;
  tl_u32 slot;
  tl_u64 serial;
  tl_u32 cpu;
  tl_u32 level;   /* as tl_cell.stall_level */
  tl_u64 from;    /* throttle clock at its beginning */
  tl_u64 to;      /* and at its end... */
  tl_u64 until;   /* ...which was at this rq.clock; at the latest if it was not noticed */
  tl_u32 noticed; /* 0: another cgroup ran dry, and the place of the stretch is a guess */
  tl_u32 reserved;
};

TL_ASSERT_SIZE(struct tl_cell, 288);
TL_ASSERT_SIZE(struct tl_thread, 64);
TL_ASSERT_SIZE(struct tl_queue, 48);
TL_ASSERT_SIZE(struct tl_event_stall, 56);
TL_ASSERT_SIZE(struct tl_cpu, 576);
TL_ASSERT_SIZE(struct tl_group, 16);
TL_ASSERT_SIZE(struct tl_running, 80);
TL_ASSERT_SIZE(struct tl_bandwidth, 72);
TL_ASSERT_SIZE(struct tl_event_cgroup, 296);
TL_ASSERT_SIZE(struct tl_event_evicted, 304);

#endif
