/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts the CPU time of every cgroup on every CPU, with the place of each window's edge in it, and
 * what its threads waited for (waits.bpf.h).
 *
 * One program runs at every switch. It keeps to typed loads and array cells: no hash, no helper
 * call but the CPU number, no clock read but once a window. The other programs run only when the
 * reader asks (BPF_PROG_TEST_RUN).
 */
#include "cells.bpf.h"
#include "waits.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline _Bool announce(struct task_group* group, __u32 kind, __u32 slot,
                                      __u64 serial) {
  struct tl_event_cgroup* event = bpf_ringbuf_reserve(&tl_events, sizeof(*event), 0);
  if (!event) {
    struct tl_cpu* cpu = this_cpu(bpf_get_smp_processor_id());
    if (cpu) cpu->lost_events++;
    return 0; /* not marked as known: the next switch tries again */
  }
  struct task_group* parent = BPF_CORE_READ(group, parent);
  event->kind = kind;
  event->slot = slot;
  event->serial = serial;
  event->id = BPF_CORE_READ(group, css.cgroup, kn, id);
  event->parent_serial = parent ? BPF_CORE_READ(parent, css.serial_nr) : 0;
  event->parent_id = parent ? BPF_CORE_READ(parent, css.cgroup, kn, id) : 0;
  event->name[0] = 0;
  bpf_probe_read_kernel_str(event->name, sizeof(event->name),
                            BPF_CORE_READ(group, css.cgroup, kn, name));
  bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
  return 1;
}

enum { TL_KNOWN, TL_ANNOUNCED, TL_NO_ROOM };

/* Announces a cgroup if it is new. What is known was announced with all above it. */
__noinline int announce_level(__u64 group_address) {
  struct task_group* group = (struct task_group*)group_address;
  __u64 serial = BPF_CORE_READ(group, css.serial_nr);
  __u32 slot = BPF_CORE_READ(group, css.id);
  if (slot < tl_max_slots) {
    struct tl_group* known = bpf_map_lookup_elem(&tl_groups, &slot);
    if (!known || known->serial == serial) return TL_KNOWN;
    if (!announce(group, TL_EVENT_CGROUP, slot, serial)) return TL_NO_ROOM;
    known->address = group_address;
    STORE(known->serial, serial);
  } else {
    __u32 index = slot & 0xffff;
    __u64* seen = bpf_map_lookup_elem(&tl_overflowed, &index);
    if (!seen || *seen == serial) return TL_KNOWN;
    if (!announce(group, TL_EVENT_OVERFLOW, slot, serial)) return TL_NO_ROOM;
    *seen = serial;
  }
  return TL_ANNOUNCED;
}

/* The nearest cgroup at or above `group` that has a slot; 0: none. */
__noinline __u64 slot_above(__u64 group_address) {
  for (int level = 0; level < TL_MAX_DEPTH && group_address; level++) {
    struct task_group* group = (struct task_group*)group_address;
    __u32 slot = BPF_CORE_READ(group, css.id);
    if (slot && slot < tl_max_slots) break; /* css.id 0: an autogroup */
    group_address = (__u64)BPF_CORE_READ(group, parent);
  }
  return group_address;
}

/* Announces a cgroup and those above it that are new. Rare: once in a cgroup's life. */
__noinline int announce_chain(__u64 group_address) {
  struct task_group* first = (struct task_group*)group_address;
  for (int level = 0; level < TL_MAX_DEPTH && group_address; level++) {
    struct task_group* group = (struct task_group*)group_address;
    int said = BPF_CORE_READ(group, css.id) ? announce_level(group_address) : TL_ANNOUNCED;
    if (said == TL_KNOWN) break;
    if (said == TL_NO_ROOM) { /* the next switch begins again; hearing it twice does no harm */
      __u32 slot = BPF_CORE_READ(first, css.id);
      struct tl_group* known = bpf_map_lookup_elem(&tl_groups, &slot);
      if (known) known->serial = 0;
      break;
    }
    group_address = (__u64)BPF_CORE_READ(group, parent);
  }
  return 0;
}

/* Notes which cgroup a thread of `group` counts to when it is not the usual, known one. */
__noinline int identify(__u32 index, __u64 group_address) {
  struct tl_cpu* cpu = this_cpu(index);
  if (!cpu) return 0;
  announce_chain(group_address);
  struct task_group* counted = (struct task_group*)slot_above(group_address);
  cpu->group = group_address;
  cpu->slot = BPF_CORE_READ(counted, css.id);
  cpu->serial = BPF_CORE_READ(counted, css.serial_nr);
  return 0;
}

/* The share of a slice's charged time that lies after `edge`, by the share of its wall time. */
static __always_inline __u64 after_edge(__u64 ran, __u64 since, __u64 now, __u64 edge) {
  if (since >= edge) return ran;
  if (now <= edge) return 0;
  __u64 wall = now - since;
  /* Keeps the product below 2^64 for slices of up to a day. */
  __u32 shift = wall < (1ull << 31) ? 0 : wall < (1ull << 43) ? 12 : 16;
  __u64 part = (now - edge) * (ran >> shift) / (wall >> shift);
  return part < ran ? part : ran;
}

/* First charge of a cell in this window: notes the totals at the edges passed since its last. */
__noinline int open_window(__u32 index, __u32 slot, __u64 ran, __u64 now) {
  struct tl_cpu* cpu = this_cpu(index);
  struct tl_cell* cell = cell_of(index, slot);
  if (!cpu || !cell) return 0;
  __u64 window = cpu->window, since = cpu->since, total = cell->ran_ns;
  __u64 edge = cpu->next_edge;
  for (__u32 back = 0; back < TL_EDGES; back++) {
    __u64 w = window - back;
    edge -= tl_base_ns; /* the start of window w */
    if (w <= cell->window && cell->window) break;
    cell->edge_ns[w % TL_EDGES] = total + ran - after_edge(ran, since, now, edge);
  }
  STORE(cell->window, window);

  /* A wait may have listed it already; once is enough. */
  if (cell->wait_window != window) list_touched(cpu, index, slot);
  return 0;
}

static __always_inline void charge(struct tl_cpu* cpu, __u32 index, __u32 slot, __u64 serial,
                                   __u64 ran, __u64 now) {
  struct tl_cell* cell = cell_of(index, slot);
  if (!cell) return;
  if (cell->serial != serial && !take_over(index, slot, serial)) return;
  if (cell->window != cpu->window) open_window(index, slot, ran, now);
  STORE(cell->ran_ns, cell->ran_ns + ran);
  __u64 lost = now - cpu->since - ran;
  if (slot != TL_SLOT_IDLE && (__s64)lost > 0) cell->lost_ns += lost;
}

static __always_inline void note_idle(struct tl_cpu* cpu, __u32 index, __u64 since, __u64 until) {
  __u32 key = index * TL_IDLES + cpu->idles % TL_IDLES;
  struct tl_idle* idle = bpf_map_lookup_elem(&tl_idles, &key);
  if (!idle) return;
  idle->since = since;
  idle->until = until;
  STORE(cpu->idles, cpu->idles + 1);
}

/* Ends the running slice at `sum` for the cgroup it counted to; it goes on for `group_address`. */
__noinline int split_slice(__u32 index, __u64 sum, __u64 sum_out, __u64 now, __u64 group_address) {
  struct tl_cpu* cpu = this_cpu(index);
  if (!cpu) return 0;
  if (sum < cpu->sum_in) sum = cpu->sum_in;
  if (sum > sum_out) sum = sum_out;
  __u64 before = sum - cpu->sum_in, ran = sum_out - cpu->sum_in;
  __u64 at = now - after_edge(now - cpu->since, 0, ran, before);
  charge(cpu, index, cpu->slot, cpu->serial, before, at);
  cpu->since = at;
  cpu->sum_in = sum;
  identify(index, group_address);
  return 0;
}

/* The thread changed its cgroup while it ran: each gets its part. */
__noinline int charge_moved(__u32 index, __u64 task_address, __u64 sum_out, __u64 now,
                            __u64 group_address) {
  struct tl_cpu* cpu = this_cpu(index);
  if (!cpu) return 0;
  __u64 first = cpu->moves_seen, moves = cpu->moves;
  if (moves - first > TL_MOVES) first = moves - TL_MOVES;
  for (__u32 i = 0; i < TL_MOVES; i++) {
    if (first + i >= moves) break;
    struct tl_move* move = &cpu->move[(first + i) % TL_MOVES];
    if (move->task == task_address) split_slice(index, move->sum, sum_out, now, move->group);
  }
  if (cpu->group != group_address) {
    /* Moved without an event (a controller was enabled): the kernel noted when, up to 6.18. */
    struct task_struct* task = (struct task_struct*)task_address;
    __u64 sum = BPF_CORE_READ(task, prio) < TL_FIRST_FAIR_PRIO
                    ? sum_out
                    : BPF_CORE_READ(task, se.prev_sum_exec_runtime);
    split_slice(index, sum, sum_out, now, group_address);
  }
  charge(cpu, index, cpu->slot, cpu->serial, sum_out - cpu->sum_in, now);
  return 0;
}

/*
 * The thread recorded is not the one that leaves: a switch happened without this program being
 * run. For threads of the fair class the kernel still tells both slices, because
 * se.prev_sum_exec_runtime is se.sum_exec_runtime at switch-in (set_next_entity()). What it does
 * not tell is charged to nobody; the reader sees it in the kernel's usage counters.
 */
__noinline int recover(__u32 index, __u64 prev_address, __u64 now) {
  struct tl_cpu* cpu = this_cpu(index);
  struct task_struct* prev = (struct task_struct*)prev_address;
  if (!cpu) return 0;
  _Bool known = 1;
  __u64 left = cpu->since;
  cpu->lost_switches++;

  struct task_struct* recorded = (struct task_struct*)cpu->task;
  if (cpu->slot == TL_SLOT_IDLE) {
    known = 0; /* when idling ended is not told */
  } else if ((tl_u32)BPF_CORE_READ(recorded, pid) == cpu->pid && !BPF_CORE_READ(recorded, on_cpu) &&
             BPF_CORE_READ(recorded, se.prev_sum_exec_runtime) == cpu->sum_in) {
    __u64 ran = BPF_CORE_READ(recorded, se.sum_exec_runtime) - cpu->sum_in;
    if (ran > now - cpu->since) ran = now - cpu->since;
    left += ran;
    charge(cpu, index, cpu->slot, cpu->serial, ran, left);
  } else {
    known = 0; /* it has run elsewhere since, or is gone */
  }

  _Bool was_idle = cpu->slot == TL_SLOT_IDLE;
  cpu->since = left;
  if (BPF_CORE_READ(prev, pid) == 0) {
    if (known) charge(cpu, index, TL_SLOT_IDLE, 0, now - left, now);
  } else if (BPF_CORE_READ(prev, prio) >= TL_FIRST_FAIR_PRIO) {
    __u64 ran =
        BPF_CORE_READ(prev, se.sum_exec_runtime) - BPF_CORE_READ(prev, se.prev_sum_exec_runtime);
    if (ran > now - left) ran = now - left;
    if (was_idle) { /* idle until it came */
      charge(cpu, index, TL_SLOT_IDLE, 0, now - left - ran, now - ran);
      known = 1;
    }
    cpu->since = now - ran;
    identify(index, (__u64)BPF_CORE_READ(prev, sched_task_group));
    charge(cpu, index, cpu->slot, cpu->serial, ran, now);
  } else {
    known = 0;
  }
  if (known) cpu->recovered++;
  return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(tl_switch, _Bool preempt, struct task_struct* prev, struct task_struct* next) {
  __u32 index = bpf_get_smp_processor_id();
  struct tl_cpu* cpu = bpf_map_lookup_elem(&tl_cpus, &index);
  if (!cpu) return 0;

  struct cfs_rq* queue = next->se.cfs_rq;
  struct rq* rq = queue->rq;
  __u64 now = rq->clock;
  STORE(cpu->seq, cpu->seq + 1);
  if (now >= cpu->next_edge) next_window(index, now);

  /* prev's part */
  if (cpu->task == (__u64)prev) {
    if (cpu->slot == TL_SLOT_IDLE) {
      charge(cpu, index, TL_SLOT_IDLE, 0, now - cpu->since, now);
      note_idle(cpu, index, cpu->since, now);
    } else {
      __u64 ran = prev->se.sum_exec_runtime - cpu->sum_in;
      __u64 group = (__u64)prev->sched_task_group;
      if (cpu->group == group && cpu->moves == cpu->moves_seen) {
        if ((__s64)ran < 0) ran = 0;
        charge(cpu, index, cpu->slot, cpu->serial, ran, now);
      } else {
        charge_moved(index, number(prev), prev->se.sum_exec_runtime, now,
                     number(prev->sched_task_group));
      }
    }
  } else if (cpu->task) {
    recover(index, number(prev), now);
  }
  if (TL_KNOWS_WAITS && prev->pid) thread_leaves(cpu, index, prev, rq);

  /* next's part */
  __u32 pid = next->pid;
  cpu->task = (__u64)next;
  cpu->rq = (__u64)rq;
  cpu->since = now;
  cpu->moves_seen = cpu->moves;
  cpu->pid = pid;
  if (pid == 0) {
    cpu->group = 0;
    cpu->serial = 0;
    cpu->slot = TL_SLOT_IDLE;
  } else {
    struct task_group* group = next->sched_task_group;
    __u32 slot = group->css.id;
    __u64 serial = group->css.serial_nr;
    _Bool autogroup = !slot; /* of a session in the root cgroup: counted there */
    if (autogroup) slot = TL_SLOT_ROOT;
    struct tl_group* known = bpf_map_lookup_elem(&tl_groups, &slot);
    if (autogroup && known) serial = known->serial;
    cpu->group = (__u64)group;
    cpu->slot = slot;
    cpu->serial = serial;
    cpu->sum_in = next->se.sum_exec_runtime;
    /* New, or beyond the slots. */
    if (!known || known->serial != serial || !serial) identify(index, number(group));
    if (TL_KNOWS_WAITS) thread_comes(cpu, index, next, queue, rq);
  }
  STORE(cpu->seq, cpu->seq + 1);
  return 0;
}

/* Not loaded where throttling stops threads, not queues. */
SEC("tp_btf/sched_wakeup")
int BPF_PROG(tl_woken, struct task_struct* task) {
  return thread_woken(task);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(tl_woken_new, struct task_struct* task) {
  return thread_woken(task);
}

/* Notes the move if a thread of the process, or the thread itself, runs on that CPU. */
__noinline int note_move(__u32 index, __u32 pid, __u32 tgid) {
  struct tl_cpu* cpu = this_cpu(index);
  if (!cpu || !cpu->task || cpu->pid == 0) return 0;
  struct task_struct* task = (struct task_struct*)cpu->task;
  if ((__u32)BPF_CORE_READ(task, tgid) != tgid || (pid && cpu->pid != pid)) return 0;
  __u64 moves = cpu->moves;
  struct task_group* group = BPF_CORE_READ(task, sched_task_group);
  struct tl_move* last = &cpu->move[(moves - 1) % TL_MOVES];
  __u64 from = moves > cpu->moves_seen ? last->group : cpu->group;
  if (from == (__u64)group) return 0; /* a move in another hierarchy (v1) */
  struct tl_move* move = &cpu->move[moves % TL_MOVES];
  move->task = (__u64)task;
  move->sum = BPF_CORE_READ(task, se.sum_exec_runtime);
  move->group = (__u64)group;
  announce_chain((__u64)group); /* the reader may see it before it is charged */
  struct task_group* counted = (struct task_group*)slot_above((__u64)group);
  move->slot = BPF_CORE_READ(counted, css.id);
  move->serial = BPF_CORE_READ(counted, css.serial_nr);
  STORE(cpu->moves, moves + 1);
  return 0;
}

/* A process or thread has just been moved: what runs of it was charged up to now by the move. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(tl_moved, struct cgroup* to, const char* path, struct task_struct* task,
             _Bool threadgroup) {
  __u32 pid = threadgroup ? 0 : task->pid;
  __u32 tgid = task->tgid;
  for (__u32 index = 0; index < tl_cpu_count; index++) note_move(index, pid, tgid);
  return 0;
}

/*
 * Run once on each CPU after attaching, by interrupt: notes the thread that is running. Its time
 * and clock are both those of the last tick, so what it ran before is not charged.
 */
SEC("raw_tp/throttlelens_seed")
int tl_seed(void* ctx) {
  __u32 index = bpf_get_smp_processor_id();
  struct tl_cpu* cpu = bpf_map_lookup_elem(&tl_cpus, &index);
  if (!cpu || cpu->task) return 0;
  struct task_struct* task = (struct task_struct*)bpf_get_current_task();
  struct rq* rq = BPF_CORE_READ(task, se.cfs_rq, rq);
  __u64 clock = BPF_CORE_READ(rq, clock);
  STORE(cpu->seq, cpu->seq + 1);
  next_window(index, clock);
  cpu->rq = (__u64)rq;
  cpu->since = clock;
  cpu->pid = BPF_CORE_READ(task, pid);
  if (cpu->pid != 0) {
    cpu->sum_in = BPF_CORE_READ(task, se.sum_exec_runtime);
    identify(index, (__u64)BPF_CORE_READ(task, sched_task_group));
  }
  cpu->task = (__u64)task;
  STORE(cpu->seq, cpu->seq + 1);
  return 0;
}

enum { TL_READ, TL_NO_CPU, TL_READ_AGAIN };

__noinline int read_running(__u32 index) {
  struct tl_cpu* cpu = bpf_map_lookup_elem(&tl_cpus, &index);
  struct tl_running* out = bpf_map_lookup_elem(&tl_running, &index);
  if (!cpu || !out) return TL_NO_CPU;
  out->valid = 0;
  out->seq = *(volatile __u64*)&cpu->seq;
  barrier();
  if (!cpu->rq) return TL_READ;
  if (out->seq & 1) return TL_READ_AGAIN;
  struct rq* rq = (struct rq*)cpu->rq;
  struct task_struct* task = BPF_CORE_READ(rq, curr);
  struct task_struct* recorded = (struct task_struct*)cpu->task;
  /* A tick may come between these reads; twice the same clock means they belong together. */
  __u64 clock = BPF_CORE_READ(rq, clock);
  out->task = (__u64)task;
  out->pid = BPF_CORE_READ(task, pid);
  out->sum = BPF_CORE_READ(task, se.sum_exec_runtime);
  /* Only the fair class keeps it. */
  out->sum_start = BPF_CORE_READ(task, prio) >= TL_FIRST_FAIR_PRIO
                       ? BPF_CORE_READ(task, se.prev_sum_exec_runtime)
                       : out->sum;
  struct task_group* group = BPF_CORE_READ(task, sched_task_group);
  if (!BPF_CORE_READ(group, css.id)) group = BPF_CORE_READ(group, parent); /* autogroup */
  out->slot = BPF_CORE_READ(group, css.id);
  out->serial = BPF_CORE_READ(group, css.serial_nr);
  out->recorded_sum = 0;
  if (task != recorded && (tl_u32)BPF_CORE_READ(recorded, pid) == cpu->pid &&
      BPF_CORE_READ(recorded, se.prev_sum_exec_runtime) == cpu->sum_in)
    out->recorded_sum = BPF_CORE_READ(recorded, se.sum_exec_runtime);
  out->waiting = 0;
  struct tl_thread* thread = thread_at(out->pid);
  if (thread && thread->task == out->task && thread->pid == out->pid && thread->waits)
    out->waiting = thread->serial;
  out->clock = BPF_CORE_READ(rq, clock);
  barrier();
  out->valid = clock == out->clock && BPF_CORE_READ(rq, curr) == task &&
               *(volatile __u64*)&cpu->seq == out->seq;
  return out->valid ? TL_READ : TL_READ_AGAIN;
}

/* Reads the slices in progress on TL_BATCH CPUs from ctx[0] on, without interrupting them. */
SEC("raw_tp/throttlelens_running")
int tl_read_running(__u64* ctx) {
  __u32 first = (__u32)ctx[0];
  for (__u32 i = 0; i < TL_BATCH; i++) {
    int done = TL_READ_AGAIN;
    for (int attempt = 0; attempt < 3 && done == TL_READ_AGAIN; attempt++)
      done = read_running(first + i);
    if (done == TL_NO_CPU) break;
  }
  return 0;
}

__noinline int read_bandwidth(__u32 index) {
  struct tl_bandwidth* out = bpf_map_lookup_elem(&tl_bandwidths, &index);
  if (!out) return 1;
  out->valid = 0;
  __u32 slot = out->slot;
  struct tl_group* known = bpf_map_lookup_elem(&tl_groups, &slot);
  if (!known || known->serial != out->serial) return 0;
  struct task_group* group = (struct task_group*)known->address;
  out->quota_ns = BPF_CORE_READ(group, cfs_bandwidth.quota);
  out->period_ns = BPF_CORE_READ(group, cfs_bandwidth.period);
  out->nr_periods = BPF_CORE_READ(group, cfs_bandwidth.nr_periods);
  out->nr_throttled = BPF_CORE_READ(group, cfs_bandwidth.nr_throttled);
  out->throttled_ns = BPF_CORE_READ(group, cfs_bandwidth.throttled_time);
  out->burst_ns = 0;
  if (bpf_core_field_exists(group->cfs_bandwidth.burst))
    out->burst_ns = BPF_CORE_READ(group, cfs_bandwidth.burst);
  out->has_burst_counters = 0;
  if (bpf_core_field_exists(group->cfs_bandwidth.nr_burst) &&
      bpf_core_field_exists(group->cfs_bandwidth.burst_time)) {
    out->nr_burst = BPF_CORE_READ(group, cfs_bandwidth.nr_burst);
    out->burst_time_ns = BPF_CORE_READ(group, cfs_bandwidth.burst_time);
    out->has_burst_counters = 1;
  }
  /* Checked last: a group freed and reused meanwhile has another serial. */
  out->valid = BPF_CORE_READ(group, css.serial_nr) == out->serial;
  return 0;
}

/* Answers the first ctx[0] requests in tl_bandwidths. */
SEC("raw_tp/throttlelens_bandwidth")
int tl_read_bandwidth(__u64* ctx) {
  __u32 count = (__u32)ctx[0];
  for (__u32 i = 0; i < TL_BATCH; i++) {
    if (i >= count || read_bandwidth(i)) break;
  }
  return 0;
}

/* Answers the first ctx[0] requests in tl_queues. */
SEC("raw_tp/throttlelens_queues")
int tl_read_queues(__u64* ctx) {
  __u32 count = (__u32)ctx[0];
  for (__u32 i = 0; i < TL_BATCH; i++) {
    if (i >= count || !read_queue(i)) break;
  }
  return 0;
}
