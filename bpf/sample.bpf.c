// SPDX-License-Identifier: GPL-2.0-only
/* The CPU sampler: at each tick of the clock, the stack of the thread that runs. */
#include "waits.h"

#include <linux/bpf_perf_event.h>

const volatile struct scry_config config = {};

char LICENSE[] SEC("license") = "GPL";

static __always_inline int sample_take(void *ctx, bool deep, bool in_user)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scry_scratch *s;
	struct scry_sample *sample;
	struct scry_proc *proc;
	__u32 pid, frames, slot;

	if (!task->pid) /* idle */
		return 0;
	pid = task_pid(task);
	proc = bpf_map_lookup_elem(&procs, &pid); /* only followed processes are there */
	if (proc ? !task_passes(task) : !task_followed(task, pid))
		return 0;
	slot = bpf_get_smp_processor_id(); /* the clock interrupts everything else: its slot is the CPU's first */
	s = scratch_at(slot);
	if (!s)
		return 0;
	sample = &s->sample;
	__builtin_memset(sample, 0, sizeof(*sample));
	sample->head.time = bpf_ktime_get_ns();
	stack_take(s, slot, task, proc, pid);
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
	return sample_take(ctx, false, false);
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

	return sample_take(ctx, true, in_user);
}
