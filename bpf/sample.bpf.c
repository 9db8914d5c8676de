// SPDX-License-Identifier: GPL-2.0-only
/* The CPU sampler: at each tick of the clock, the stack of the thread that runs. */
#include "place.h"
#include "python.h"
#include "task.h"

const volatile struct scry_config config = {};

char LICENSE[] SEC("license") = "GPL";

static __always_inline void sample_walk(struct scry_scratch *s, __u32 slot, struct task_struct *task,
					struct scry_proc *proc, __u32 pid)
{
	struct scry_sample *sample = &s->sample;

	if (!proc) {
		sample->error = place_process(pid);
		proc = bpf_map_lookup_elem(&procs, &pid);
	}
	if (!proc)
		return;
	sample->runtime = proc->runtime;
	sample->instance = proc->instance;
	sample->error = SCRY_WALK_EXITING;
	if (task->flags & PF_EXITING)
		return;
	if (proc->runtime == SCRY_RUNTIME_PYTHON && !python_enter(pid, slot))
		python_walk(pid, slot);
	sample->error = s->walk.error;
	sample->count = s->walk.count;
}

SEC("perf_event")
int sample_cpu(void *ctx)
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
	sample_walk(s, slot, task, proc, pid);
	if (config.all && (sample->error == SCRY_WALK_PENDING || sample->error == SCRY_WALK_NO_INTERPRETER))
		return 0; /* as most of a machine's processes */
	sample->head.kind = SCRY_RECORD_SAMPLE;
	sample->head.pid = pid;
	sample->tid = task_tid(task);
	sample->thread = task_thread_pointer(task);
	sample->cpu = bpf_get_smp_processor_id();
	bpf_get_current_comm(sample->comm, sizeof(sample->comm));
	count(SCRY_COUNT_SAMPLES);
	frames = sample->count;
	if (frames > SCRY_MAX_STACK)
		return 0;
	if (emit(sample, sizeof(*sample) + frames * sizeof(struct scry_frame)))
		count(SCRY_COUNT_LOST);
	return 0;
}
