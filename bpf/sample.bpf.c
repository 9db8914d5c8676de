// SPDX-License-Identifier: GPL-2.0-only
/* The CPU sampler: at each tick of the clock, the stack of the thread that runs. */
#include "waits.h"

#include <linux/bpf_perf_event.h>

const volatile struct scry_config config = {};

char LICENSE[] SEC("license") = "GPL";

extern __u32 lives;

/* What is known of process `pid` becomes what is known of this CPU's last process. 0: nothing is known. */
__noinline int sample_recall(__u32 pid, __u32 slot)
{
	__u32 now = *(volatile __u32 *)&lives;
	struct scry_scratch *s = scratch_at(slot);
	struct scry_proc *proc = bpf_map_lookup_elem(&procs, &pid); /* only followed processes are there */

	if (!s || !proc)
		return 0;
	s->recent.proc = *proc;
	s->recent.pid = pid;
	s->recent.lives = now;
	return 1;
}

/*
 * What is known of process `pid`; NULL: nothing yet. Mostly it is the one of this CPU's last sample, and a look-up in a table, whose parts
 * lie far from each other in memory, is a tenth of what a sample costs.
 */
static __always_inline struct scry_proc *sample_process(struct scry_scratch *s, __u32 pid, __u32 slot)
{
	bool known = s->recent.pid == pid && s->recent.lives == *(volatile __u32 *)&lives;

	return known || sample_recall(pid, slot) ? &s->recent.proc : 0;
}

static __always_inline int sample_take(void *ctx, __u32 runtimes, bool deep, bool in_user)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scry_scratch *s;
	struct scry_sample *sample;
	struct scry_proc *proc;
	__u32 pid, frames, slot;

	if (!task->pid) /* idle */
		return 0;
	pid = task_pid(task);
	slot = bpf_get_smp_processor_id(); /* the clock interrupts everything else: its slot is the CPU's first */
	s = scratch_at(slot);
	if (!s)
		return 0;
	proc = sample_process(s, pid, slot);
	if (proc ? !task_passes(task) : !task_followed(task, pid))
		return 0;
	sample = &s->sample;
	__builtin_memset(sample, 0, sizeof(*sample));
	sample->head.time = bpf_ktime_get_ns();
	stack_take(s, slot, task, proc, pid, runtimes);
	if (stack_is_foreign(sample))
		return 0;
	if (config.wall) {
		sample->ran = wait_ran(sample->head.time);
		if (!sample->ran) /* followed from its next switch on */
			return 0;
	}
	if (config.gil && sample->runtime == SCRY_RUNTIME_PYTHON)
		sample->gil = python_holds_gil(slot);
	if (deep)
		stack_deepen(ctx, s, slot, task, pid, in_user);
	stack_sign(sample, task, pid, SCRY_RECORD_SAMPLE);
	count(SCRY_COUNT_SAMPLES);
	frames = stack_frames(sample);
	if (emit(sample, sizeof(*sample) + frames * sizeof(struct scry_frame)))
		count(SCRY_COUNT_LOST);
	return 0;
}

SEC("perf_event")
int sample_cpu(void *ctx)
{
	return sample_take(ctx, SCRY_RUNTIMES, false, false);
}

/* Where only Python is to be expected: without all that other walks need it is a quarter as long, and sooner loaded. */
SEC("perf_event")
int sample_python(void *ctx)
{
	return sample_take(ctx, 1 << SCRY_RUNTIME_PYTHON, false, false);
}

/* With frames of C or of the kernel. */
SEC("perf_event")
int sample_cpu_deep(struct bpf_perf_event_data *ctx)
{
#if defined(__TARGET_ARCH_x86)
	bool in_user = ctx->regs.cs & 3;
#else
	bool in_user = false;
#endif

	return sample_take(ctx, SCRY_RUNTIMES, true, in_user);
}
