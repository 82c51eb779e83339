/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs that follow processes share with the probe room. Only fixed-width fields; sizes
 * are asserted on both sides.
 */
#ifndef TL_BPF_ABI_PROCESSES_H
#define TL_BPF_ABI_PROCESSES_H

#include "bpf_abi/types.h"

/* Processes followed at a time. */
#define TL_PROCESSES 8192u
/* Names that classify a program. */
#define TL_PROCESS_NAMES 32u
/* Processes read by one run of the reading program: a bounded loop for the verifier. */
#define TL_PROCESS_BATCH 64u
/* Threads of a process that are added up; one with more is not read. */
#define TL_MAX_THREADS 1024
#define TL_COMM_LEN 16
/* Bytes of the arguments that are told; the rest is cut. A power of two, for the verifier. */
#define TL_ARGUMENTS 1024u

enum tl_process_kind { TL_SHIM, TL_MONITOR, TL_HELPER, TL_SERVICE, TL_OTHER };

/* A comm with `mask` applied that equals `word` is a process of this kind. */
struct tl_process_name {
  tl_u64 word[2];
  tl_u64 mask[2];
  tl_u32 kind;
  tl_u32 reserved;
};

/* A process that is followed. Its key is the address of its signal_struct: that one is of no other
 * process before the last sched_process_free of this one. One whose end found no room in the ring
 * buffer is kept for the reader under `started`. */
struct tl_process {
  tl_u64 started; /* start_boottime of its leader */
  tl_u64 root_started;
  tl_u64 cgroup;      /* kernfs_node.id, in the hierarchy of the cpu controller */
  tl_u64 freed_ns;    /* se.sum_exec_runtime of threads that will never run again */
  tl_u64 exited_ns;   /* se.sum_exec_runtime of threads, when they were about to end */
  tl_u64 released_ns; /* signal_struct.sum_sched_runtime once all threads were released */
  tl_u64 ended_ns;    /* with `ended` */
  tl_u32 pid;         /* tgid */
  tl_u32 root_pid;
  tl_u32 kind;  /* enum tl_process_kind */
  tl_u32 whole; /* freed_ns has all its threads, those before it was followed included */
  tl_u32 ended; /* told here */
  tl_u32 reserved;
};

enum tl_process_answer {
  TL_PROCESS_GONE, /* all its threads were released; its end is told, or about to be */
  TL_PROCESS_READ,
  TL_PROCESS_NOT_READ, /* its threads changed all the time, or are too many */
};

/* One request for the CPU time of a process, and its answer. */
struct tl_process_time {
  tl_u64 signal;  /* in: key in tl_processes */
  tl_u64 started; /* in */
  tl_u32 pid;     /* in */
  tl_u32 answer;  /* out: enum tl_process_answer */
  tl_u64 cpu_ns;  /* out */
};

enum tl_process_event_kind {
  TL_PROCESS_SEEN = 1,  /* a root: not started by one that is followed, or a shim or monitor */
  TL_PROCESS_ENDED = 2, /* or joined another cgroup, which counts it from now on */
};

struct tl_event_seen {
  tl_u32 event;
  tl_u32 kind;
  tl_u64 started;
  tl_u64 cgroup;
  tl_u32 pid;
  tl_u32 has_arguments; /* 0: it was found, not followed from its exec on */
  tl_u32 arguments;     /* bytes */
  tl_u32 reserved;
  char comm[TL_COMM_LEN]; /* hostile bytes */
  char argument[TL_ARGUMENTS];
};

struct tl_event_ended {
  tl_u32 event;
  tl_u32 kind;
  tl_u64 started;
  tl_u64 root_started;
  tl_u32 pid;
  tl_u32 root_pid;
  tl_u64 cpu_ns;
};

TL_ASSERT_SIZE(struct tl_process_name, 40);
TL_ASSERT_SIZE(struct tl_process, 80);
TL_ASSERT_SIZE(struct tl_process_time, 32);
TL_ASSERT_SIZE(struct tl_event_seen, 1080);
TL_ASSERT_SIZE(struct tl_event_ended, 40);

#endif
