/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What threads waited for.
 *
 * How long: the kernel keeps run_delay, the sum of a thread's waits, over migrations too. At
 * switch-in the wait that ends is what it has grown by since the thread's last switch, with the
 * part in progress (now - last_queued) that the kernel adds just after this tracepoint.
 *
 * Why: what the throttle clock of the thread's queue (throttle.bpf.h) advanced during a wait was
 * for quota, the rest was for a CPU. Up to 6.17 throttling stops all threads of a queue, and one
 * can wake up onto a throttled queue: there the clock has to be read at the wakeup. Since 6.18 a
 * thread is stopped on its way to user space, which is a switch; a woken one waits for a CPU only,
 * so wakeups need not be seen.
 */
#ifndef TL_WAITS_BPF_H
#define TL_WAITS_BPF_H
#include "stalls.bpf.h"

/* Without CONFIG_SCHED_INFO the kernel does not keep them. */
#define TL_KNOWS_WAITS bpf_core_field_exists(((struct sched_info*)0)->run_delay)

static __always_inline __u64 held_now(struct tl_cell* cell) {
  return cell->held - *(volatile __u32*)&cell->left;
}

/* First wait of a cell that begins or ends in this window: notes the totals at the edges passed. */
__noinline int open_waits(__u32 index, __u32 slot, __u64 time, __u64 now) {
  struct tl_cpu* cpu = this_cpu(index);
  struct tl_cell* cell = cell_of(index, slot);
  if (!cpu || !cell) return 0;
  __u64 window = cpu->window, held = held_now(cell), grown = time - cell->settled;
  __u64 edge = cpu->next_edge, start = (window + 1) * tl_base_ns;
  for (__u32 back = 0; back < TL_EDGES; back++) {
    __u64 w = window - back, after = 0;
    edge -= tl_base_ns; /* in the queue's clock, the start of window w */
    start -= tl_base_ns;
    if (w <= cell->wait_window && cell->wait_window) break;
    if (now > edge) after = now - edge;
    /* How much of what the clock advanced since it was last read lies after the edge. */
    if (cell->stall_since) {
      __u64 stalled = time - cell->stall_settled;
      __u64 before = edge > cell->stall_since ? edge - cell->stall_since : 0;
      after = before < stalled ? stalled - before : 0;
    }
    if (after > grown) after = grown;
    cell->wait_edge[w % TL_EDGES] = cell->wait_ns + cell->waiting * start;
    cell->throttle_edge[w % TL_EDGES] = cell->throttled_ns + held * (grown - after);
  }
  if (cell->window != window) list_touched(cpu, index, slot);
  STORE(cell->wait_window, window);
  return 0;
}

static __always_inline void settle(struct tl_cell* cell, __u64 time) {
  __u64 grown = time - cell->settled;
  if ((__s64)grown <= 0) return;
  cell->throttled_ns += held_now(cell) * grown;
  cell->settled = time;
}

#define TL_FIRST_BOUND 1000000ull /* 1 ms, of the first bucket */

__noinline int count_ended(__u32 index, __u32 slot, __u32 cause, __u64 ns) {
  struct tl_cell* cell = cell_of(index, slot);
  if (!cell || cause >= TL_CAUSES) return 0;
  __u64 bound = TL_FIRST_BOUND;
  __u32 bucket = 0;
  for (; bucket < TL_WAIT_BUCKETS - 1; bucket++) { /* 1, 3, 10, 30, ... ms */
    if (ns <= bound) break;
    bound = bucket % 2 ? bound / 3 * 10 : bound * 3;
  }
  if (bucket < TL_WAIT_BUCKETS) cell->ended[cause][bucket]++;
  return 0;
}

/* A wait that ended, `throttled` of it for quota. */
static __always_inline void count_wait(struct tl_cell* cell, __u32 index, __u32 slot, __u64 waited,
                                       __u64 throttled) {
  __u64 contention = waited - throttled;
  if (contention) {
    cell->ended_ns[TL_CONTENTION] += contention;
    if (contention <= TL_FIRST_BOUND) /* most of them */
      cell->ended[TL_CONTENTION][0]++;
    else
      count_ended(index, slot, TL_CONTENTION, contention);
  }
  if (throttled) {
    cell->ended_ns[TL_THROTTLE] += throttled;
    count_ended(index, slot, TL_THROTTLE, throttled);
  }
}

static __always_inline struct tl_thread* thread_at(__u32 pid) {
  __u32 key = pid % TL_THREADS;
  return bpf_map_lookup_elem(&tl_threads, &key);
}

/*
 * Of a wait on a queue that its thread has left: how much of it was for quota. The cell of that CPU
 * has it up to when it was settled last, and no longer counts it: the rest is counted here, in the
 * windows it belongs to. Threads leave a throttled queue only when they are moved: then its clock
 * counts until the thread was put on the queue where it waits now.
 */
__noinline __u64 throttled_elsewhere(__u32 index, __u32 slot, __u32 pid) {
  struct tl_thread* thread = thread_at(pid);
  struct tl_cell* cell = cell_of(index, slot);
  struct tl_cpu* cpu = this_cpu(index);
  if (!thread || !cell || !cpu) return 0;
  struct tl_cell* begun = cell_of(thread->cpu, thread->slot);
  if (!begun || begun->serial != thread->serial) return 0;
  __u64 settled = begun->settled;
  __sync_fetch_and_add(&begun->left, 1);
  __u64 queue = queue_of(thread->cpu, thread->slot, thread->serial);
  if (!queue) return 0;
  struct task_struct* task = (struct task_struct*)thread->task;
  __u64 time = clock_at(queue, BPF_CORE_READ(task, sched_info.last_queued));
  if (begun->stall_since && !held_now(begun)) {
    /* Nobody is left there to tell of it. */
    __u64 length = time - begun->stall_settled;
    if ((__s64)length > 0)
      tell_stall(cpu, thread->cpu, thread->slot, begun, begun->stall_level, begun->stall_settled,
                 time, begun->stall_since + length, 1);
  }
  if (settled < thread->settled) settled = thread->settled;
  if (time > settled) {
    cell->throttled_ns += time - settled;
    __u64 edge = cpu->next_edge, since = begun->stall_since, stalled = time - begun->stall_settled;
    for (__u32 back = 0; back < TL_EDGES && since; back++) {
      edge -= tl_base_ns; /* in the queue's clock, the start of window w */
      if (edge <= since) break;
      __u64 w = cpu->window - back;
      __u64 at = begun->stall_settled + (edge - since < stalled ? edge - since : stalled);
      if (at > settled) cell->throttle_edge[w % TL_EDGES] += at - settled;
    }
  }
  return time > thread->settled ? time - thread->settled : 0;
}

/*
 * Ends the wait of a thread in the cgroup it began in, which the thread has left, or for which it
 * is not known when it came to run.
 */
__noinline int close_wait(__u32 index, __u32 pid, __u64 length) {
  struct tl_thread* thread = thread_at(pid);
  struct tl_cpu* cpu = this_cpu(index);
  if (!thread || !cpu) return 0;
  __u32 waits = thread->waits, slot = thread->slot;
  struct tl_cell* cell = cell_of(index, slot);
  thread->waits = TL_NOT_WAITING;
  if (!cell || (cell->serial != thread->serial && !take_over(index, slot, thread->serial)))
    return 0;
  if (cell->wait_window != cpu->window) open_waits(index, slot, cell->settled, 0);
  __u64 throttled = waits == TL_HELD ? throttled_elsewhere(index, slot, pid) : 0;
  if (throttled > length) throttled = length;
  count_wait(cell, index, slot, length, throttled);
  cell->wait_ns += thread->since + length;
  cell->waiting--;
  return 0;
}

/* The place of a thread is taken by another one's wait, which stays as long as that waits. */
__noinline int free_place(__u32 index, __u32 pid) {
  struct tl_thread* thread = thread_at(pid);
  struct tl_cpu* cpu = this_cpu(index);
  if (!thread || !cpu) return 0;
  cpu->partial_waits++;
  struct task_struct* other = (struct task_struct*)thread->task;
  if ((__u32)BPF_CORE_READ(other, pid) == thread->pid &&
      BPF_CORE_READ(other, sched_info.last_queued))
    return 0;
  STORE(cpu->wait_seq, cpu->wait_seq + 1);
  close_wait(index, pid, 0);
  STORE(cpu->wait_seq, cpu->wait_seq + 1);
  return 1;
}

/*
 * `index`: whose queue the thread is on; its run queue is locked. `own`: the cell is that of its
 * cgroup, not of one above. `held`: throttling of the queue stops it.
 */
static __always_inline void begin_wait(struct tl_cpu* cpu, __u32 index, struct tl_cell* cell,
                                       __u32 slot, struct tl_thread* thread, _Bool own, _Bool held,
                                       struct sched_entity* entity, struct rq* rq) {
  struct cfs_rq* queue = entity->cfs_rq;
  __u64 now = rq->clock, since = now + cpu->offset_ns;
  struct throttle_clock clock = throttle_clock(queue, rq, now);
  if (!own) clock.time = cell->settled;
  STORE(cpu->wait_seq, cpu->wait_seq + 1);
  if (cell->wait_window != cpu->window) open_waits(index, slot, clock.time, now);
  cell->wait_ns -= since;
  cell->waiting++;
  thread->waits = TL_FOR_CPU;
  if (held) {
    if (cell->stall_since && !held_now(cell)) cell->stall_since = 0; /* told by who left last */
    settle(cell, clock.time);
    cell->held++;
    cell->queue = (__u64)queue;
    thread->waits = TL_HELD;
    if (clock.growing && !cell->stall_since) begin_stall(index, slot, number(entity), now);
  }
  STORE(cpu->wait_seq, cpu->wait_seq + 1);
  thread->since = since;
  thread->settled = clock.time;
  thread->serial = cell->serial;
  thread->slot = slot;
  thread->cpu = index;
}

/*
 * `waits`: enum tl_waits of the thread; TL_NOT_WAITING: the wait's beginning was not seen.
 * `entity`: the thread's; NULL: not at hand.
 */
static __always_inline void end_wait(struct tl_cpu* cpu, __u32 index, struct tl_cell* cell,
                                     __u32 slot, struct tl_thread* thread, __u32 waits,
                                     __u64 waited, struct throttle_clock clock,
                                     struct sched_entity* entity, __u64 now) {
  __u64 throttled = 0;
  if (cell->wait_window != cpu->window) open_waits(index, slot, clock.time, now);
  if (waits && thread->serial != cell->serial) { /* moved to another cgroup while it waited */
    close_wait(index, thread->pid, waited);
    return;
  }
  if (waits == TL_HELD) {
    if (thread->cpu == index) {
      settle(cell, clock.time);
      cell->held--;
      throttled = clock.time - thread->settled;
    } else {
      throttled = throttled_elsewhere(index, slot, thread->pid);
    }
    if ((__s64)throttled < 0) throttled = 0;
    if (throttled > waited) throttled = waited;
  }
  if (waits) {
    cell->wait_ns += thread->since;
    cell->waiting--;
  }
  cell->wait_ns += waited;
  count_wait(cell, index, slot, waited, throttled);
  if (cell->stall_since) {
    if (!clock.growing || !held_now(cell)) end_stall(index, slot, now);
  } else if (throttled && thread->cpu == index) {
    tell_unnoticed_stall(index, slot, throttled, entity ? number(entity) : 0, now);
  }
}

#define TL_GROWING (1ull << 63)

/*
 * The thread came to run unnoticed, and leaves now: what it waited is known, and while it ran the
 * throttle clock of its queue stood still. `time`: throttle clock, with TL_GROWING.
 */
__noinline int end_unseen_wait(__u32 index, __u32 pid, __u64 waited, __u64 time, __u64 now) {
  struct tl_thread* thread = thread_at(pid);
  struct tl_cpu* cpu = this_cpu(index);
  if (!thread || !cpu) return 0;
  __u32 slot = thread->slot, waits = thread->waits;
  struct tl_cell* cell = cell_of(index, slot);
  struct throttle_clock clock = {time & ~TL_GROWING, (time & TL_GROWING) != 0};
  cpu->partial_waits++;
  if (!cell) return 0;
  STORE(cpu->wait_seq, cpu->wait_seq + 1);
  if (cell->serial == thread->serial)
    end_wait(cpu, index, cell, slot, thread, waits, waited, clock, 0, now);
  else
    close_wait(index, pid, waited);
  STORE(cpu->wait_seq, cpu->wait_seq + 1);
  thread->waits = TL_NOT_WAITING;
  return 0;
}

/* `prev` leaves the CPU; if it could go on, it waits from now on. */
static __always_inline void thread_leaves(struct tl_cpu* cpu, __u32 index, struct task_struct* prev,
                                          struct rq* rq) {
  __u32 pid = prev->pid;
  struct tl_thread* thread = thread_at(pid);
  if (!thread) return;
  __u64 delay = prev->sched_info.run_delay;
  if (thread->waits) {
    if (thread->task == (__u64)prev && thread->pid == pid) {
      __u64 now = rq->clock;
      struct throttle_clock clock = throttle_clock(prev->se.cfs_rq, rq, now);
      end_unseen_wait(index, pid, delay - thread->delay,
                      clock.time | (clock.growing ? TL_GROWING : 0), now);
    } else if (!free_place(index, pid)) {
      return;
    }
  }
  thread->task = (__u64)prev;
  thread->pid = pid;
  thread->delay = delay;
  __u64 state;
  if (bpf_core_field_exists(prev->__state))
    state = prev->__state;
  else
    state = prev->state;
  if (state) return; /* also when it was preempted on its way to sleep: sched_info_depart() */

  struct task_group* group = prev->sched_task_group;
  __u32 slot = cpu->slot;
  if (cpu->group != (__u64)group) return; /* a switch was lost: what it counts to is not known */
  struct tl_cell* cell = cell_of(index, slot);
  if (!cell || cell->serial != cpu->serial) return;
  _Bool own = group->css.serial_nr == cpu->serial;
  _Bool held = own && prev->prio >= TL_FIRST_FAIR_PRIO;
  if (TL_STOPS_THREADS) held = held && prev->throttled;
  begin_wait(cpu, index, cell, slot, thread, own, held, &prev->se, rq);
}

/* `next` comes onto the CPU, after cpu->slot was set: what it waited, ends. */
static __always_inline void thread_comes(struct tl_cpu* cpu, __u32 index, struct task_struct* next,
                                         struct cfs_rq* queue, struct rq* rq) {
  __u32 pid = next->pid, slot = cpu->slot;
  __u64 now = rq->clock, serial = cpu->serial;
  struct tl_thread* thread = thread_at(pid);
  struct tl_cell* cell = cell_of(index, slot);
  if (!thread || !cell || slot == TL_SLOT_IDLE) return;
  if (cell->serial != serial && !take_over(index, slot, serial)) return;

  __u64 queued = next->sched_info.last_queued, waiting = 0, waited;
  if (queued && now > queued) waiting = now - queued;
  __u64 delay = next->sched_info.run_delay + waiting;
  _Bool known = thread->task == (__u64)next && thread->pid == pid;
  __u32 waits = TL_NOT_WAITING;
  if (known) {
    waited = delay - thread->delay;
    waits = thread->waits;
  } else if (next->sched_info.pcount == 0) { /* it never ran before */
    waited = delay;
  } else {
    waited = waiting;
    cpu->partial_waits++;
  }
  if ((__s64)waited < 0) waited = 0;

  if (waited || waits) {
    struct throttle_clock clock = {cell->settled, 0};
    if (next->sched_task_group->css.serial_nr == serial) clock = throttle_clock(queue, rq, now);
    STORE(cpu->wait_seq, cpu->wait_seq + 1);
    end_wait(cpu, index, cell, slot, thread, waits, waited, clock, &next->se, now);
    STORE(cpu->wait_seq, cpu->wait_seq + 1);
  }
  if (!known && thread->waits && !free_place(index, pid)) return;
  thread->task = (__u64)next;
  thread->pid = pid;
  thread->delay = delay;
  thread->waits = TL_NOT_WAITING;
}

/* Up to 6.17: a thread was put on a queue, maybe of another CPU; its run queue is locked. */
static __always_inline int thread_woken(struct task_struct* task) {
  if (task->on_cpu) return 0; /* it had not left yet */
  __u32 pid = task->pid;
  struct tl_thread* thread = thread_at(pid);
  struct cfs_rq* queue = task->se.cfs_rq;
  struct rq* rq = queue->rq;
  __u32 index = rq->cpu;
  struct tl_cpu* cpu = this_cpu(index);
  if (!thread || !cpu) return 0;
  _Bool known = thread->task == (__u64)task && thread->pid == pid;
  if (thread->waits && known) return 0;

  struct task_group* group = task->sched_task_group;
  __u32 slot = group->css.id;
  __u64 serial = group->css.serial_nr;
  /* Of an autogroup, beyond the slots, or never seen running: counted when the wait ends. */
  if (!slot || slot >= tl_max_slots) return 0;
  struct tl_group* group_known = bpf_map_lookup_elem(&tl_groups, &slot);
  if (!group_known || group_known->serial != serial) return 0;
  struct tl_cell* cell = cell_of(index, slot);
  if (!cell || (cell->serial != serial && !take_over(index, slot, serial))) return 0;

  __u64 now = rq->clock, queued = task->sched_info.last_queued;
  __u64 delay = task->sched_info.run_delay;
  if (queued && now > queued) delay += now - queued;
  if (thread->waits && !free_place(index, pid)) return 0;
  if (!known) {
    thread->task = (__u64)task;
    thread->pid = pid;
    thread->delay = delay;
  }
  if (now >= cpu->next_edge) {
    STORE(cpu->seq, cpu->seq + 1);
    next_window(index, now);
    STORE(cpu->seq, cpu->seq + 1);
  }
  begin_wait(cpu, index, cell, slot, thread, 1, task->prio >= TL_FIRST_FAIR_PRIO, &task->se, rq);
  return 0;
}

#endif
