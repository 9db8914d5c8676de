// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that leave the CPU and come back. Where one leaves, it is still the current task: its stack and the reason are kept.
 * Where it comes back, the duration is known and told. The programs run with interrupts off, one at a time on a CPU.
 */
#include "stint.h"
#include "syscall.h"

__u32 waits_on = 0;
__u64 waits_start = 0;
__u64 waits_end = 0;

#define STOLEN_AT_LEAST 1000000 /* ns: less is told together with more */

static __always_inline bool wait_is_over(__u64 now)
{
	return !waits_on || (waits_end && now >= waits_end);
}

static __always_inline void wait_name(struct scry_thread_time *t, struct task_struct *task, __u32 pid)
{
	t->number = task->pid;
	t->pid = pid;
	t->tid = task_tid(task);
}

/* The times of the current task; NULL: it is not followed. */
static __always_inline struct scry_thread_time *wait_of_current(struct task_struct *task)
{
	struct scry_thread_time *t = bpf_task_storage_get(&thread_times, task, 0, 0);
	struct scry_proc *proc;
	__u32 pid;

	if (t && t->number == (__u32)task->pid)
		return t;
	if (!task->pid || task->flags & PF_KTHREAD)
		return 0;
	pid = task_pid(task);
	proc = bpf_map_lookup_elem(&procs, &pid);
	if (proc ? !task_passes(task) : !task_followed(task, pid))
		return 0;
	if (!t)
		t = bpf_task_storage_get(&thread_times, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (t)
		wait_name(t, task, pid);
	else
		count(SCRY_COUNT_UNWAITED);
	return t;
}

/* The state of a task that leaves the CPU, in the bits of include/linux/sched.h; 0: it wants to run on. */
static __always_inline __u32 switch_state(__u64 *ctx, struct task_struct *prev)
{
	__u32 state;

	if (ctx[0]) /* preempted */
		return 0;
	if (config.switch_tells_state)
		return ctx[3];
	state = prev->__state;
	return state == TASK_WAKING ? 1 : state; /* by now it is being woken */
}

static __always_inline __u8 wait_state(struct task_struct *task, __u32 state)
{
	if (!state)
		return SCRY_WAIT_RUNQUEUE;
	if (state & TASK_UNINTERRUPTIBLE)
		return BPF_CORE_READ_BITFIELD_PROBED(task, in_iowait) ? SCRY_WAIT_DISK : SCRY_WAIT_BLOCKED;
	if (state & (TASK_STOPPED | TASK_TRACED))
		return SCRY_WAIT_STOPPED;
	return SCRY_WAIT_SLEEPING;
}

/* The stack at which the current task blocks, into its times. deep: with frames of C or of the kernel. false: the task is none to
 * tell of. */
static __always_inline bool wait_take_stack(__u64 *ctx, struct scry_thread_time *t, struct task_struct *task, bool deep)
{
	__u32 slot = switch_slot(), pid = t->pid;
	struct scry_scratch *s = scratch_at(slot);
	struct scry_sample *sample;

	if (!s)
		return false;
	sample = &s->sample;
	__builtin_memset(sample, 0, sizeof(*sample));
	sample->head.kind = SCRY_RECORD_STACK;
	sample->head.pid = pid;
	stack_take(s, slot, task, bpf_map_lookup_elem(&procs, &pid), pid, SCRY_RUNTIMES);
	if (stack_is_foreign(sample))
		return false;
	if (deep)
		stack_deepen(ctx, s, slot, task, pid, false);
	t->runtime = sample->runtime;
	t->instance = sample->instance;
	t->error = stack_intern(slot);
	t->stack = s->intern.key;
	if (t->state == SCRY_WAIT_SLEEPING && syscall_is_futex(t->syscall) && sample->runtime == SCRY_RUNTIME_PYTHON &&
	    python_waits_for_gil(t->argument[0], slot))
		t->state = SCRY_WAIT_GIL;
	return true;
}

/* Into the record of a wait, or of time on CPU: all but what it is about. */
static __always_inline void wait_sign(struct scry_wait *wait, struct scry_thread_time *t, struct task_struct *task,
				      __u32 kind, __u64 now)
{
	wait->who.head.kind = kind;
	wait->who.head.pid = t->pid;
	wait->who.head.time = now;
	wait->who.tid = t->tid;
	wait->who.runtime = t->runtime;
	wait->who.error = t->error;
	wait->who.instance = t->instance;
	wait->who.cpu = bpf_get_smp_processor_id();
	wait->who.exiting = !!(task->flags & PF_EXITING);
	wait->who.thread = task_thread_pointer(task);
	bpf_probe_read_kernel(wait->who.comm, sizeof(wait->who.comm), task->comm);
}

static __always_inline void wait_emit(struct scry_wait *wait)
{
	if (emit(wait, sizeof(*wait)))
		count(SCRY_COUNT_LOST_EVENTS);
}

/* part: it began before the recording or goes on after it, so that it is longer, nobody knows how much. */
static __always_inline bool wait_length_fits(__u64 duration, bool part)
{
	if (config.max_wait_ns && (part || duration > config.max_wait_ns))
		return false;
	return duration >= config.min_wait_ns;
}

static __always_inline void wait_tell(struct scry_thread_time *t, struct task_struct *task, __u64 now, __u32 kind, bool open)
{
	__u64 duration = now - t->off;
	struct scry_wait wait = {};

	if (kind == SCRY_RECORD_WAIT && !wait_length_fits(duration, open || t->error == SCRY_WALK_OUTSIDE))
		return;
	wait_sign(&wait, t, task, kind, now);
	wait.duration_ns = duration;
	wait.stack = t->stack;
	wait.state = t->state;
	wait.open = open;
	wait.syscall = t->syscall;
	wait.argument[0] = t->argument[0];
	wait.argument[1] = t->argument[1];
	if (config.waker) {
		wait.waker_is = t->waker_is;
		wait.waker = t->waker;
		wait.waker_pid = t->waker_pid;
		wait.waker_tid = t->waker_tid;
		__builtin_memcpy(wait.waker_comm, t->waker_comm, sizeof(wait.waker_comm));
	}
	if (kind == SCRY_RECORD_WAITING)
		wait.switches = task->nvcsw + task->nivcsw;
	count(SCRY_COUNT_WAITS);
	wait_emit(&wait);
}

/*
 * What was taken of its CPU, when it is `least` or more. At which function that was nobody knows. It is no wait of a length, so
 * filters by length leave it out.
 */
static __always_inline void wait_tell_stolen(struct scry_thread_time *t, struct task_struct *task, __u64 now, __s64 least)
{
	struct scry_wait wait = {};

	if (t->stolen < least || config.min_wait_ns || config.max_wait_ns)
		return;
	wait_sign(&wait, t, task, SCRY_RECORD_WAIT, now);
	wait.who.error = SCRY_WALK_STOLEN;
	wait.duration_ns = t->stolen;
	wait.state = SCRY_WAIT_STOLEN;
	wait.syscall = -1;
	t->stolen = 0;
	count(SCRY_COUNT_WAITS);
	wait_emit(&wait);
}

/* The time on CPU that is left when a thread ends, or the recording does. */
static __always_inline void wait_tell_rest(struct scry_thread_time *t, struct task_struct *task, __u64 now)
{
	struct scry_wait wait = {};

	wait_tell_stolen(t, task, now, 1);
	if (!config.wall || t->ran <= 0)
		return;
	wait_sign(&wait, t, task, SCRY_RECORD_RAN, now);
	wait.who.ran = t->ran;
	t->ran = 0;
	wait_emit(&wait);
}

/*
 * The task has come back without our seeing it: where it was being looked at meanwhile (wait_begin), or where the kernel runs no
 * programs at a switch, such as from tasks that it hides. Its own account tells how long it has run since.
 */
static __always_inline void wait_missed(struct scry_thread_time *t, struct task_struct *task, __u64 now)
{
	__s64 ran = stint_within(task->se.sum_exec_runtime - t->account, now - t->off);

	wait_tell(t, task, now - ran, SCRY_RECORD_WAIT, false);
	t->ran += ran;
}

static __always_inline void wait_leave(__u64 *ctx, struct task_struct *prev, __u64 now, bool deep)
{
	struct scry_thread_time *t = wait_of_current(prev);
	__u64 since = now;
	__u32 state;

	if (!t)
		return;
	if (t->on)
		since = stint_end(t, prev, now);
	else if (t->off)
		wait_missed(t, prev, now);
	t->off = 0;
	t->account = prev->se.sum_exec_runtime;
	state = switch_state(ctx, prev);
	if (state & TASK_DEAD) {
		wait_tell_rest(t, prev, now);
		return;
	}
	wait_tell_stolen(t, prev, now, STOLEN_AT_LEAST);
	t->state = wait_state(prev, state);
	t->syscall = task_syscall(prev, t->argument);
	t->waker_is = SCRY_WAKER_NONE;
	t->waker.a = t->waker.b = 0;
	if (wait_take_stack(ctx, t, prev, deep))
		t->off = since;
}

static __always_inline void wait_come_back(struct task_struct *next, __u64 now)
{
	struct scry_thread_time *t = next->pid ? bpf_task_storage_get(&thread_times, next, 0, 0) : 0;

	if (!t)
		return;
	if (t->on) /* it was not seen to leave: its account will tell */
		return;
	if (t->off && now > t->off)
		wait_tell(t, next, now, SCRY_RECORD_WAIT, false);
	stint_begin(t, next, now > t->off ? now : t->off, true);
}

/* bool preempt, prev, next, and from 5.18 on the state of prev: kernel/sched/core.c, __schedule(). prev is current yet. */
static __always_inline int wait_at_switch(__u64 *ctx, bool deep)
{
	struct task_struct *prev = (struct task_struct *)ctx[1], *next = (struct task_struct *)ctx[2];
	__u64 now;

	if (!waits_on)
		return 0;
	now = bpf_ktime_get_ns();
	if (wait_is_over(now))
		return 0;
	wait_leave(ctx, prev, now, deep);
	wait_come_back(next, now);
	return 0;
}

SEC("tp_btf/sched_switch")
int wait_switch(__u64 *ctx)
{
	return wait_at_switch(ctx, false);
}

SEC("tp_btf/sched_switch")
int wait_switch_deep(__u64 *ctx)
{
	return wait_at_switch(ctx, true);
}

/* A thread begins to wait for a CPU where it is made. Those that a filter may leave out are met when they first leave one. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(wait_fork, struct task_struct *parent, struct task_struct *child)
{
	bool thread = child->pid != child->tgid;
	struct scry_thread_time *t;
	__u32 pid = task_pid(parent);
	__u64 now;

	if (!waits_on || config.tids || config.glob || config.cgroup_level)
		return 0;
	if (!bpf_map_lookup_elem(&procs, &pid) && !bpf_map_lookup_elem(&targets, &pid))
		return 0;
	if (!thread && !config.children && !config.all)
		return 0;
	now = bpf_ktime_get_ns();
	t = wait_is_over(now) ? 0 : bpf_task_storage_get(&thread_times, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t)
		return 0;
	wait_name(t, child, pid_number(child, child->tgid));
	t->off = now;
	t->state = SCRY_WAIT_RUNQUEUE;
	t->syscall = -1;
	t->error = SCRY_WALK_STARTING;
	return 0;
}

/* May its times be looked at from outside? As task_passes(), of another task. */
static __always_inline bool wait_follows(struct task_struct *task, __u32 pid, __u32 tid)
{
	if (!bpf_map_lookup_elem(&procs, &pid) && (config.all || !bpf_map_lookup_elem(&targets, &pid)))
		return false;
	if (config.cgroup_level || (config.tids && !bpf_map_lookup_elem(&tids, &tid)))
		return false;
	if (config.glob) {
		char comm[GLOB_TEXT] = {};

		bpf_probe_read_kernel(comm, sizeof(comm), task->comm);
		if (!glob_match_comm((const char *)config.comm_glob, comm))
			return false;
	}
	return true;
}

/* A thread that is there when the recording begins. */
static __always_inline void wait_begin(struct task_struct *task, __u64 now)
{
	__u32 pid = task_pid(task), tid = task_tid(task), state = task->__state;
	struct scry_thread_time *t;

	if (!wait_follows(task, pid, tid))
		return;
	t = bpf_task_storage_get(&thread_times, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t || t->on || t->off) /* it has been met at a switch meanwhile */
		return;
	wait_name(t, task, pid);
	if (task->on_cpu) {
		stint_begin(t, task, now, false);
		return;
	}
	t->account = task->se.sum_exec_runtime;
	t->state = wait_state(task, state);
	t->syscall = task_syscall(task, t->argument);
	t->error = SCRY_WALK_OUTSIDE;
	t->off = waits_start; /* or it would have been met */
	wait_tell(t, task, now, SCRY_RECORD_WAITING, true);
}

static __always_inline void wait_finish(struct task_struct *task)
{
	struct scry_thread_time *t = bpf_task_storage_get(&thread_times, task, 0, 0);
	__u64 end = waits_end;

	if (!t)
		return;
	if (t->off && t->off < end && task->se.sum_exec_runtime != t->account)
		wait_missed(t, task, end);
	else if (t->off && t->off < end)
		wait_tell(t, task, end, SCRY_RECORD_WAIT, true);
	else if (t->on)
		stint_go_on(t, task, end);
	wait_tell_rest(t, task, end);
}

/* All tasks: at the beginning of a recording, and at its end (waits_end is set). */
SEC("iter/task")
int wait_each(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (!task || !task->pid || task->flags & PF_KTHREAD)
		return 0;
	if (waits_end)
		wait_finish(task);
	else
		wait_begin(task, bpf_ktime_get_ns());
	return 0;
}

__noinline __u64 wait_ran(__u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scry_thread_time *t = bpf_task_storage_get(&thread_times, task, 0, 0);
	__u64 ran;

	if (!t || wait_is_over(now))
		return 0;
	if (t->off && t->off < now) {
		wait_missed(t, task, now);
		stint_begin(t, task, now, false);
	}
	if (!t->on)
		return 0;
	stint_go_on(t, task, now);
	if (t->ran <= 0)
		return 0;
	ran = t->ran;
	t->ran = 0;
	return ran;
}
