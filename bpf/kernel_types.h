/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The few kernel types the programs touch, with only the fields they touch. CO-RE relocates each
 * access to the running kernel, so the order and gaps here mean nothing, and no kernel's own
 * headers are needed to build.
 */
#ifndef TL_KERNEL_TYPES_H
#define TL_KERNEL_TYPES_H

typedef unsigned char __u8;
typedef short int __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

/* enum bpf_map_type, enum bpf_attr flags: kernel ABI, from include/uapi/linux/bpf.h */
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_RINGBUF = 27 };
enum { BPF_F_MMAPABLE = 1U << 10 };
enum { BPF_RB_NO_WAKEUP = 1U << 0 };
enum { BPF_ANY, BPF_NOEXIST };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct rq {
  __u64 clock;      /* kept by update_rq_clock(), sched_clock_cpu() of this CPU */
  __u64 clock_task; /* the same without interrupts and what the hypervisor took */
  __u64 clock_pelt; /* since 5.0 (23127296889f) */
  unsigned long lost_idle_time;
  int cpu; /* CONFIG_SMP */
  struct task_struct* curr;
};

struct cfs_rq {
  struct rq* rq; /* CONFIG_FAIR_GROUP_SCHED */
  struct task_group* tg;
  /* CONFIG_CFS_BANDWIDTH from here on. */
  int throttle_count;              /* levels that are throttled: its own and those above */
  __u64 throttled_clock_task;      /* up to 5.18 */
  __u64 throttled_clock_task_time; /* up to 5.18 */
  __u64 throttled_clock_pelt;      /* since 5.19 (64eaf50731ac) */
  __u64 throttled_clock_pelt_time; /* since 5.19 (64eaf50731ac) */
  __u64 throttled_clock_self;      /* since 6.6 (677ea015f231) */
  __u64 throttled_clock_self_time; /* since 6.6 (677ea015f231) */
};

struct sched_entity {
  __u64 sum_exec_runtime;
  __u64 prev_sum_exec_runtime;
  struct sched_entity* parent; /* of the cgroup it is in, on the same CPU; NULL in the root */
  struct cfs_rq* cfs_rq;
};

struct kernfs_node {
  const char* name;
  __u64 id; /* a plain u64 since 5.5 (67c0496e87d1) */
};

struct cgroup {
  struct kernfs_node* kn;
};

struct cgroup_subsys_state {
  struct cgroup* cgroup; /* NULL for an autogroup */
  int id;
  __u64 serial_nr;
};

typedef __s64 ktime_t;

struct cfs_bandwidth {
  ktime_t period;
  __u64 quota;
  __u64 burst; /* since 5.14 (f4183717b370) */
  int nr_periods;
  int nr_throttled;
  int nr_burst; /* since 5.16 (bcb1704a1ed2) */
  __u64 throttled_time;
  __u64 burst_time; /* since 5.16 (bcb1704a1ed2) */
};

struct task_group {
  struct cgroup_subsys_state css;
  struct task_group* parent;
  struct cfs_bandwidth cfs_bandwidth;
};

struct sched_info {     /* CONFIG_SCHED_INFO */
  unsigned long pcount; /* times it was switched in */
  __u64 run_delay;      /* sum of its waits that ended, on all CPUs */
  __u64 last_queued;    /* rq.clock when it last began to wait on its present CPU; 0: does not */
};

struct list_head {
  struct list_head* next;
};

struct seqcount {
  unsigned int sequence; /* odd while a writer is at work */
};

struct seqcount_spinlock {
  struct seqcount seqcount;
};

struct seqlock {
  struct seqcount_spinlock seqcount;
};

struct signal_struct { /* what the threads of a process share; freed with the last task_struct */
  int nr_threads;      /* not yet released */
  struct list_head thread_head;
  struct seqlock stats_lock;            /* sum_sched_runtime and the list change together */
  unsigned long long sum_sched_runtime; /* se.sum_exec_runtime of the released ones */
};

struct mm_struct {
  unsigned long arg_start;
  unsigned long arg_end;
};

struct task_struct {
  unsigned int __state; /* since 5.14 (2f064a59a11f) */
  long state;           /* up to 5.13 */
  _Bool throttled;      /* since 6.18 (e1fad12dcb66): waits for quota, off its queue */
  struct sched_info sched_info;
  int pid;
  int tgid;
  int prio;   /* below 100: real-time or deadline */
  int on_cpu; /* CONFIG_SMP */
  struct sched_entity se;
  struct task_group* sched_task_group;
  char comm[16];
  unsigned int flags;
  __u64 start_boottime; /* up to 5.4 real_start_time; a new leader takes over that of the old */
  struct mm_struct* mm;
  struct task_struct* real_parent;
  struct task_struct* group_leader;
  struct signal_struct* signal;
  struct list_head thread_node; /* in signal_struct.thread_head */
};

struct bpf_iter__task {
  struct task_struct* task; /* NULL at the end */
};

#pragma clang attribute pop

#endif
