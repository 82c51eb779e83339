/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Follows the processes that serve containers, from fork to the last slice of their last thread.
 *
 * Nothing runs at a switch: what a process used is the kernel's own sum, read when somebody asks or
 * when it is final. Threads cost nothing but a look at two numbers when they begin, and a lookup
 * when they are gone.
 */
/* clang-format off: the helpers need the types. */
#include "kernel_types.h"
/* clang-format on */

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf_abi/processes.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Set before loading; the rest has no mask and kind TL_OTHER. */
const volatile struct tl_process_name tl_process_names[TL_PROCESS_NAMES] = {};
const volatile __u32 tl_process_name_count = 0;

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, TL_PROCESSES);
  __type(key, __u64); /* address of signal_struct */
  __type(value, struct tl_process);
} tl_processes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, TL_PROCESS_BATCH);
  __type(key, __u32);
  __type(value, struct tl_process_time);
} tl_process_times SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 18);
} tl_process_events SEC(".maps");

__u64 tl_not_followed = 0; /* processes that found no room in tl_processes */
__u64 tl_not_told = 0;     /* processes whose end was missed, found no room, or could not be read */
__u64 tl_adopted = 0;      /* processes found by tl_adopt */
__u64 tl_adopt_all = 0;    /* set by the reader; 0: only shims and monitors, for a start */

#define TL_UNKNOWN_TIME (~0ull)
#define TL_KERNEL_THREAD 0x00200000u /* PF_KTHREAD; fixed since 2.6 */
/* How far up an ancestor that is followed is looked for. */
#define TL_ANCESTORS 3

static __always_inline __u64 signal_of(__u64 task_address) {
  struct task_struct* task = (struct task_struct*)task_address;
  return (__u64)BPF_CORE_READ(task, signal);
}

/* Of the cpu controller. An autogroup (a session in the root cgroup) is the root: processes come to
 * and leave autogroups without being moved. */
static __always_inline __u64 cgroup_of(__u64 task_address) {
  struct task_struct* task = (struct task_struct*)task_address;
  struct task_group* group = BPF_CORE_READ(task, sched_task_group);
  struct cgroup* cgroup = BPF_CORE_READ(group, css.cgroup);
  if (!cgroup) cgroup = BPF_CORE_READ(group, parent, css.cgroup);
  return BPF_CORE_READ(cgroup, kn, id);
}

static __always_inline __u32 kind_of(const __u64* comm) {
  for (__u32 i = 0; i < TL_PROCESS_NAMES; i++) {
    const volatile struct tl_process_name* name = &tl_process_names[i];
    if (i >= tl_process_name_count) break;
    if ((comm[0] & name->mask[0]) == name->word[0] && (comm[1] & name->mask[1]) == name->word[1])
      return name->kind;
  }
  return TL_OTHER;
}

enum { TL_READ, TL_READ_AGAIN, TL_TOO_MANY };

/* As thread_group_cputime() does it: released threads are in the sum, the others in the list. */
static __always_inline int add_threads(struct signal_struct* signal, __u64* sum) {
  __u32 sequence = BPF_CORE_READ(signal, stats_lock.seqcount.seqcount.sequence);
  if (sequence & 1) return TL_READ_AGAIN;
  __u64 head = (__u64)signal + bpf_core_field_offset(struct signal_struct, thread_head);
  __u64 node = (__u64)BPF_CORE_READ(signal, thread_head.next);
  __u64 ran = BPF_CORE_READ(signal, sum_sched_runtime);
  for (int i = 0; i < TL_MAX_THREADS && node != head; i++) {
    struct task_struct* task =
        (struct task_struct*)(node - bpf_core_field_offset(struct task_struct, thread_node));
    ran += BPF_CORE_READ(task, se.sum_exec_runtime);
    node = (__u64)BPF_CORE_READ(task, thread_node.next);
  }
  *sum = ran;
  if (BPF_CORE_READ(signal, stats_lock.seqcount.seqcount.sequence) != sequence)
    return TL_READ_AGAIN;
  return node == head ? TL_READ : TL_TOO_MANY;
}

/* Functions that are not static are verified once by themselves; see number() in cells.bpf.h. */
__noinline __u64 cpu_time(__u64 signal_address) {
  __u64 sum = 0;
  for (int attempt = 0; attempt < 3; attempt++) {
    int done = add_threads((struct signal_struct*)signal_address, &sum);
    if (done == TL_READ) return sum;
    if (done == TL_TOO_MANY) break;
  }
  return TL_UNKNOWN_TIME;
}

/* Stops following: what the process used goes to the reader, once, whoever comes here. */
__noinline int end(__u64 signal, __u64 cpu_ns) {
  struct tl_process* process = bpf_map_lookup_elem(&tl_processes, &signal);
  if (!process) return 0;
  struct tl_process last = *process;
  /* Another thread of it was faster; or (-EBUSY, up to 6.18) the reader will find that it is gone.
   */
  if (bpf_map_delete_elem(&tl_processes, &signal)) return 0;
  struct tl_event_ended* event = bpf_ringbuf_reserve(&tl_process_events, sizeof(*event), 0);
  if (!event) { /* parked for the reader; no address of the kernel is so low */
    __u64 parked = last.started;
    last.ended = 1;
    last.ended_ns = cpu_ns;
    if (bpf_map_update_elem(&tl_processes, &parked, &last, BPF_NOEXIST))
      __sync_fetch_and_add(&tl_not_told, 1);
    return 0;
  }
  event->event = TL_PROCESS_ENDED;
  event->kind = last.kind;
  event->started = last.started;
  event->root_started = last.root_started;
  event->pid = last.pid;
  event->root_pid = last.root_pid;
  event->cpu_ns = cpu_ns;
  bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
  return 0;
}

/* The entry of this process. One of another process, whose memory is used again, is over: that its
 * last thread was freed has been missed. */
static __always_inline struct tl_process* followed(__u64 signal, __u32 pid) {
  struct tl_process* process = bpf_map_lookup_elem(&tl_processes, &signal);
  if (!process || process->pid == pid) return process;
  end(signal, process->exited_ns);
  return 0;
}

/* Tells of a root. Without room in the ring the reader notices a root it was not told of. */
__noinline int announce(__u64 signal, __u64 task_address, __u32 with_arguments) {
  struct tl_process* process = bpf_map_lookup_elem(&tl_processes, &signal);
  struct task_struct* task = (struct task_struct*)task_address;
  if (!process) return 0;
  struct tl_event_seen* event = bpf_ringbuf_reserve(&tl_process_events, sizeof(*event), 0);
  if (!event) return 0;
  event->event = TL_PROCESS_SEEN;
  event->kind = process->kind;
  event->started = process->started;
  event->cgroup = process->cgroup;
  event->pid = process->pid;
  event->has_arguments = 0;
  event->arguments = 0;
  event->reserved = 0;
  event->comm[0] = 0;
  bpf_probe_read_kernel(event->comm, sizeof(event->comm), task->comm);
  if (with_arguments) {
    __u64 from = BPF_CORE_READ(task, mm, arg_start);
    __u64 length = BPF_CORE_READ(task, mm, arg_end) - from;
    if (length >= TL_ARGUMENTS) length = TL_ARGUMENTS - 1;
    if (!bpf_probe_read_user(event->argument, length & (TL_ARGUMENTS - 1), (const void*)from)) {
      event->arguments = length;
      event->has_arguments = 1;
    }
  }
  bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
  return 0;
}

/* Begins to follow; NULL if that is not possible, or was done. It has the root of `from`, or is
 * one. */
static __always_inline struct tl_process* follow(__u64 signal, __u64 task_address, __u32 kind,
                                                 const struct tl_process* from) {
  struct task_struct* task = (struct task_struct*)task_address;
  struct tl_process process = {};
  process.started = BPF_CORE_READ(task, start_boottime);
  process.pid = BPF_CORE_READ(task, tgid);
  process.kind = kind;
  process.cgroup = cgroup_of(task_address);
  process.root_pid = from ? from->root_pid : process.pid;
  process.root_started = from ? from->root_started : process.started;
  struct tl_process* entry = followed(signal, process.pid);
  if (entry && entry->started == process.started) return 0;
  if (entry) end(signal, entry->exited_ns);
  if (bpf_map_update_elem(&tl_processes, &signal, &process, BPF_ANY)) {
    __sync_fetch_and_add(&tl_not_followed, 1);
    return 0;
  }
  entry = bpf_map_lookup_elem(&tl_processes, &signal);
  if (!entry) return 0;
  /* No thread was released by now: each is going to be freed before our eyes. */
  struct signal_struct* of = (struct signal_struct*)signal;
  __u64 released = BPF_CORE_READ(of, sum_sched_runtime);
  if (released)
    __sync_fetch_and_add(&entry->exited_ns, released);
  else
    entry->whole = 1;
  return entry;
}

__noinline int follow_child(__u64 parent_signal, __u64 child_address) {
  struct tl_process* parent = bpf_map_lookup_elem(&tl_processes, &parent_signal);
  if (!parent) return 0;
  follow(signal_of(child_address), child_address, parent->kind, parent);
  return 0;
}

/* A child does what its parent does until it executes another program: conmon never does. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(tl_forked, struct task_struct* parent, struct task_struct* child) {
  if (child->tgid == parent->tgid) return 0; /* a thread */
  __u64 signal = signal_of((__u64)parent);
  struct tl_process* known = followed(signal, parent->tgid);
  if (!known || known->kind == TL_SERVICE) return 0;
  /* Born into a container (CLONE_INTO_CGROUP). */
  if (cgroup_of((__u64)child) != cgroup_of((__u64)parent)) return 0;
  __u64 child_address = 0;
  bpf_probe_read_kernel(&child_address, sizeof(child_address), &child);
  follow_child(signal, child_address);
  return 0;
}

enum tl_descent {
  TL_STRANGER,
  TL_SERVING,   /* of one that is followed, and with it in its cgroup */
  TL_CONTAINED, /* of one that is followed, in another cgroup: it is part of a container */
};

/* What the nearest ancestor whose children are followed makes of a process that is not; `entry` is
 * that ancestor's. */
static __always_inline enum tl_descent descent_of(__u64 task_address, struct tl_process** entry) {
  struct task_struct* task = (struct task_struct*)task_address;
  __u64 cgroup = cgroup_of(task_address);
  _Bool elsewhere = 0;
  *entry = 0;
  for (int i = 0; i < TL_ANCESTORS; i++) {
    task = BPF_CORE_READ(task, real_parent);
    if (!task) break;
    elsewhere |= cgroup_of((__u64)task) != cgroup;
    struct tl_process* process = followed(signal_of((__u64)task), BPF_CORE_READ(task, tgid));
    if (!process || process->kind == TL_SERVICE) continue;
    if (elsewhere) return TL_CONTAINED;
    *entry = process;
    return TL_SERVING;
  }
  return TL_STRANGER;
}

static __always_inline void make_root(struct tl_process* process, __u32 kind) {
  process->kind = kind;
  process->root_pid = process->pid;
  process->root_started = process->started;
}

static __always_inline _Bool is_root(const struct tl_process* process) {
  return process->root_pid == process->pid && process->root_started == process->started;
}

__noinline int new_program(__u64 signal, __u64 task_address, __u32 kind) {
  struct tl_process* known = bpf_map_lookup_elem(&tl_processes, &signal);
  if (known) {
    if (is_root(known) && (kind == TL_HELPER || kind == TL_OTHER)) return 0;
    if (is_root(known) || kind == TL_SHIM || kind == TL_MONITOR) {
      make_root(known, kind);
      announce(signal, task_address, 1);
    } else {
      known->kind = TL_HELPER;
    }
    return 0;
  }
  struct tl_process* from = 0;
  /* `runc init` may execute itself once more when it has joined already; it goes by the name of
   * runc then (seen on 6.18). */
  if (kind == TL_HELPER && descent_of(task_address, &from) == TL_CONTAINED) return 0;
  if (follow(signal, task_address, kind, from) && !from) announce(signal, task_address, 1);
  return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(tl_executed, struct task_struct* task) {
  __u64 comm[2] = {};
  bpf_get_current_comm(comm, sizeof(comm));
  __u32 kind = kind_of(comm);
  __u64 task_address = 0;
  bpf_probe_read_kernel(&task_address, sizeof(task_address), &task);
  __u64 signal = signal_of(task_address);
  if (!followed(signal, task->tgid) && kind == TL_OTHER) return 0;
  new_program(signal, task_address, kind);
  return 0;
}

__noinline int moved(__u64 signal, __u64 task_address) {
  struct tl_process* known = bpf_map_lookup_elem(&tl_processes, &signal);
  if (!known) return 0;
  __u64 cgroup = cgroup_of(task_address);
  if (cgroup == known->cgroup) return 0; /* in another hierarchy (v1) */
  known->cgroup = cgroup;
  if (known->kind != TL_HELPER) return 0; /* to where shims are kept */
  __u64 cpu_ns = cpu_time(signal);
  if (cpu_ns == TL_UNKNOWN_TIME) {
    __sync_fetch_and_add(&tl_not_told, 1);
    bpf_map_delete_elem(&tl_processes, &signal);
    return 0;
  }
  end(signal, cpu_ns);
  return 0;
}

/* What a process ran until it was moved was charged by the move. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(tl_joined, struct cgroup* to, const char* path, struct task_struct* task,
             _Bool threadgroup) {
  __u64 task_address = 0;
  bpf_probe_read_kernel(&task_address, sizeof(task_address), &task);
  __u64 signal = signal_of(task_address);
  if (!followed(signal, task->tgid)) return 0;
  struct signal_struct* of = (struct signal_struct*)signal;
  if (!threadgroup && BPF_CORE_READ(of, nr_threads) > 1) return 0; /* one thread of several */
  moved(signal, task_address);
  return 0;
}

/*
 * A thread is about to end: what it used so far, should it be missed that it is freed. (Seen: one
 * in some thousands on a virtual machine with 6.18 while others attached to the same tracepoints,
 * none in the guests of the tests.)
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(tl_exited, struct task_struct* task) {
  __u64 task_address = 0;
  bpf_probe_read_kernel(&task_address, sizeof(task_address), &task);
  struct tl_process* known = followed(signal_of(task_address), task->tgid);
  if (known) __sync_fetch_and_add(&known->exited_ns, task->se.sum_exec_runtime);
  return 0;
}

__noinline int freed(__u64 signal, __u64 ran) {
  struct tl_process* known = bpf_map_lookup_elem(&tl_processes, &signal);
  if (!known) return 0;
  __sync_fetch_and_add(&known->freed_ns, ran);
  struct signal_struct* of = (struct signal_struct*)signal;
  if (BPF_CORE_READ(of, nr_threads)) return 0;
  __u64 released = BPF_CORE_READ(of, sum_sched_runtime);
  known->released_ns = released;
  /* A parent may reap a process, and a thread release itself, before the last slice is over: the
   * kernel's own sum misses that. What is freed was switched out for good. */
  __u64 total = *(volatile __u64*)&known->freed_ns;
  if (!known->whole) total = released;
  if (total < released) return 0; /* one more thread is about to be freed */
  end(signal, total);
  return 0;
}

/* After the thread was reaped and switched out for the last time, and a grace period later. */
SEC("tp_btf/sched_process_free")
int BPF_PROG(tl_freed, struct task_struct* task) {
  __u64 task_address = 0;
  bpf_probe_read_kernel(&task_address, sizeof(task_address), &task);
  __u64 signal = signal_of(task_address);
  if (!followed(signal, task->tgid)) return 0;
  freed(signal, task->se.sum_exec_runtime);
  return 0;
}

__noinline int adopt(__u64 signal, __u64 task_address, __u32 kind) {
  struct tl_process* from = 0;
  if (kind != TL_SHIM && kind != TL_MONITOR) {
    /* Whom it descends from may have the higher pid, and come later. */
    if (!*(volatile __u64*)&tl_adopt_all) return 0;
    if (descent_of(task_address, &from) == TL_CONTAINED && kind == TL_HELPER) return 0;
  }
  if (kind == TL_OTHER && !from) return 0;
  if (from) kind = TL_HELPER;
  if (!follow(signal, task_address, kind, from)) return 0;
  struct signal_struct* of = (struct signal_struct*)signal;
  if (!BPF_CORE_READ(of, nr_threads)) { /* its last thread may have been freed already */
    bpf_map_delete_elem(&tl_processes, &signal);
    return 0;
  }
  __sync_fetch_and_add(&tl_adopted, 1);
  if (!from) announce(signal, task_address, 0);
  return 0;
}

/* Finds what was there before, and what was missed. */
SEC("iter/task")
int tl_adopt(struct bpf_iter__task* ctx) {
  struct task_struct* task = ctx->task;
  if (!task || task->pid != task->tgid || task->flags & TL_KERNEL_THREAD) return 0;
  __u64 task_address = 0;
  bpf_probe_read_kernel(&task_address, sizeof(task_address), &task);
  __u64 signal = signal_of(task_address);
  struct tl_process* known = followed(signal, task->tgid);
  if (known) {
    /* It changes without a move when the cpu controller is switched on or off (v2). */
    if (known->kind != TL_HELPER) known->cgroup = cgroup_of(task_address);
    return 0;
  }
  __u64 comm[2] = {};
  bpf_probe_read_kernel(comm, sizeof(comm), task->comm);
  adopt(signal, task_address, kind_of(comm));
  return 0;
}

static __always_inline _Bool is_process(__u64 address, const struct tl_process_time* asked) {
  struct signal_struct* signal = (struct signal_struct*)address;
  __u64 node = (__u64)BPF_CORE_READ(signal, thread_head.next);
  struct task_struct* task =
      (struct task_struct*)(node - bpf_core_field_offset(struct task_struct, thread_node));
  return (__u64)BPF_CORE_READ(task, signal) == address &&
         (__u32)BPF_CORE_READ(task, tgid) == asked->pid &&
         BPF_CORE_READ(task, group_leader, start_boottime) == asked->started;
}

/* 1: the requests are at their end. */
__noinline int read_process(__u32 index) {
  struct tl_process_time* out = bpf_map_lookup_elem(&tl_process_times, &index);
  if (!out) return 1;
  __u64 address = out->signal;
  out->answer = TL_PROCESS_GONE;
  if (!is_process(address, out)) return 0;
  out->cpu_ns = cpu_time(address);
  /* Memory that was freed and used again meanwhile is of another process. */
  if (is_process(address, out))
    out->answer = out->cpu_ns == TL_UNKNOWN_TIME ? TL_PROCESS_NOT_READ : TL_PROCESS_READ;
  return 0;
}

/* Answers the first ctx[0] requests in tl_process_times. */
SEC("raw_tp/throttlelens_processes")
int tl_read_processes(__u64* ctx) {
  __u32 count = (__u32)ctx[0];
  for (__u32 i = 0; i < TL_PROCESS_BATCH; i++) {
    if (i >= count || read_process(i)) break;
  }
  return 0;
}
