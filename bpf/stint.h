/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A thread's stint on a CPU, from the switch to it to the switch from it. How long it ran is the kernel's own account of it
 * (sum_exec_runtime), which is up to date at a switch: kernel/sched/fair.c, update_curr(), by way of put_prev_task. That leaves out
 * what the hypervisor and, where the kernel is built to know, interrupts took of the CPU meanwhile, which the run queue's two clocks
 * tell (kernel/sched/core.c, update_rq_clock_task()). Where the account and the clock of programs differ by the microsecond
 * between the kernel's reading of its clock and ours, the wait behind begins by the account, so that all that is told adds up.
 * Seen of 6.18: the clock is read up to 2 us before, at the wakeup, where an idle CPU is at hand (rq_clock_skip_update()).
 */
#ifndef SCRY_BPF_STINT_H
#define SCRY_BPF_STINT_H

#include "waits.h"

/* The run queue of the CPU that a task runs on; NULL: the kernel is built without groups of tasks, and nothing leads there. */
static __always_inline struct rq *stint_rq(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->se.cfs_rq))
		return 0;
	return task->se.cfs_rq->rq;
}

/* What was taken of a CPU since it came up: ns. Of another CPU than this it may be too much for a moment. */
static __always_inline __s64 stint_rq_taken(const struct rq *rq)
{
	return rq ? rq->clock - rq->clock_task : 0;
}

/* whole: seen from its first moment on. Else its account may have begun a tick before. */
static __always_inline void stint_begin(struct scry_thread_time *t, struct task_struct *task, __u64 on, bool whole)
{
	struct rq *rq = stint_rq(task);

	t->on = on;
	t->off = 0;
	t->account = task->se.sum_exec_runtime;
	t->counted = t->counted_taken = 0;
	t->whole = whole;
	t->rq = (__u64)rq;
	t->taken = stint_rq_taken(rq);
}

/* So far it ran so long, and so much was taken. */
static __always_inline void stint_count(struct scry_thread_time *t, __s64 ran, __s64 taken)
{
	t->ran += ran - t->counted;
	t->stolen += taken - t->counted_taken;
	t->counted = ran;
	t->counted_taken = taken;
}

static __always_inline __s64 stint_within(__s64 value, __s64 most)
{
	if (value > most)
		value = most;
	return value < 0 ? 0 : value;
}

/* What was taken since it began, which is at most so much; nothing where it was not seen to go to another CPU. */
static __always_inline __s64 stint_taken(const struct scry_thread_time *t, struct task_struct *task, __s64 most)
{
	struct rq *rq = stint_rq(task);

	return t->rq == (__u64)rq ? stint_within(stint_rq_taken(rq) - t->taken, most) : 0;
}

/* It goes on. Its account is a tick old by now, so it ran for all that was not taken. */
static __always_inline void stint_go_on(struct scry_thread_time *t, struct task_struct *task, __u64 now)
{
	__s64 here = now - t->on, taken = stint_taken(t, task, here);

	if (here > 0)
		stint_count(t, here - taken, taken);
}

/* The current task leaves its CPU. Returns when its wait began. */
static __always_inline __u64 stint_end(struct scry_thread_time *t, struct task_struct *task, __u64 now)
{
	__s64 here = now - t->on, ran = task->se.sum_exec_runtime - t->account, taken;
	__u64 end;

	if (!t->whole)
		ran = stint_within(ran, here);
	taken = stint_taken(t, task, here - ran);
	stint_count(t, ran, taken);
	end = t->on + ran + taken;
	t->on = 0;
	return end;
}

#endif
