// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who ends a wait: a thread, or an interrupt, which runs on top of some thread that has nothing to do with it. The kernel lets programs not
 * see its count of interrupts, so these are seen to begin and end: timers, devices, and what is left for after a device's.
 */
#include "syscall.h"
#include "waits.h"

enum interrupt { INTERRUPT_TIMER = 1, INTERRUPT_DEVICE = 2, INTERRUPT_SOFT = 4 };

/* Bits of enum interrupt: those that run on this CPU. None is interrupted by one of its own kind, but timers in soft ones. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} interrupts SEC(".maps");

static __always_inline int interrupt_set(__u32 which, bool begins)
{
	__u32 zero = 0, *running = bpf_map_lookup_elem(&interrupts, &zero);

	if (running)
		*running = begins ? *running | which : *running & ~which;
	return 0;
}

SEC("tp_btf/hrtimer_expire_entry")
int waker_timer_begins(void *ctx)
{
	return interrupt_set(INTERRUPT_TIMER, true);
}

SEC("tp_btf/hrtimer_expire_exit")
int waker_timer_ends(void *ctx)
{
	return interrupt_set(INTERRUPT_TIMER, false);
}

SEC("tp_btf/irq_handler_entry")
int waker_device_begins(void *ctx)
{
	return interrupt_set(INTERRUPT_DEVICE, true);
}

SEC("tp_btf/irq_handler_exit")
int waker_device_ends(void *ctx)
{
	return interrupt_set(INTERRUPT_DEVICE, false);
}

SEC("tp_btf/softirq_entry")
int waker_soft_begins(void *ctx)
{
	return interrupt_set(INTERRUPT_SOFT, true);
}

SEC("tp_btf/softirq_exit")
int waker_soft_ends(void *ctx)
{
	return interrupt_set(INTERRUPT_SOFT, false);
}

/*
 * Does an interrupt run on top of this task? Of those that are not seen (calls from other CPUs) one that came in user mode is known all
 * the same: a thread of a program ends another's wait from a system call, and there is none (-1).
 */
static __always_inline bool in_interrupt(struct task_struct *task)
{
	__u32 zero = 0, *running = bpf_map_lookup_elem(&interrupts, &zero);
	__u64 argument[2];

	return !task->pid || (running && *running) || (!(task->flags & PF_KTHREAD) && task_syscall(task, argument) < 0);
}

/* The current task ends the wait of another: its stack, where it has one that can be told. */
static __always_inline void waker_take(__u64 *ctx, struct scry_thread_time *t, struct task_struct *waker, bool deep)
{
	__u32 slot = switch_slot(), pid = task_pid(waker);
	struct scry_scratch *s = scratch_at(slot);
	struct scry_proc *proc = bpf_map_lookup_elem(&procs, &pid);
	struct scry_sample *sample;

	t->waker_is = SCRY_WAKER_THREAD;
	t->waker_pid = pid;
	t->waker_tid = task_tid(waker);
	bpf_get_current_comm(t->waker_comm, sizeof(t->waker_comm));
	if (!proc || !s)
		return;
	sample = &s->sample;
	__builtin_memset(sample, 0, sizeof(*sample));
	sample->head.kind = SCRY_RECORD_STACK;
	sample->head.pid = pid;
	stack_take(s, slot, waker, proc, pid, SCRY_RUNTIMES);
	if (deep)
		stack_deepen(ctx, s, slot, waker, pid, false);
	if (!stack_intern(slot))
		t->waker = s->intern.key;
}

/* Called with the lock of the task that is woken held, interrupts off: kernel/sched/core.c, try_to_wake_up(). */
static __always_inline int wait_at_waking(__u64 *ctx, bool deep)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	struct scry_thread_time *t = waits_on ? bpf_task_storage_get(&thread_times, task, 0, 0) : 0;
	struct task_struct *waker = bpf_get_current_task_btf();

	if (!t || !t->off || t->state == SCRY_WAIT_RUNQUEUE)
		return 0;
	if (in_interrupt(waker))
		t->waker_is = SCRY_WAKER_INTERRUPT;
	else
		waker_take(ctx, t, waker, deep);
	return 0;
}

SEC("tp_btf/sched_waking")
int wait_waking(__u64 *ctx)
{
	return wait_at_waking(ctx, false);
}

SEC("tp_btf/sched_waking")
int wait_waking_deep(__u64 *ctx)
{
	return wait_at_waking(ctx, true);
}
