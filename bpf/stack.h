/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stack of the current task, as every program takes it: here the parts of a stack come together (the interpreter's frames;
 * what else a stack may have is added here, so that all events have it).
 */
#ifndef SCRY_BPF_STACK_H
#define SCRY_BPF_STACK_H

#include "lua.h"
#include "native.h"
#include "place.h"
#include "python.h"
#include "task.h"

#define SCRY_RUNTIMES (~0u) /* of a program: all that config.runtimes may ask for */

/*
 * Walk into s->sample, which is zeroed, and the frames behind it: sets runtime, instance, error, count. `proc`: of process
 * pid, NULL where it has not been looked at yet. The scratch `s` is that of `slot`, and the caller's until it has sent it.
 * `runtimes`: a constant, bits as in config.runtimes; the walks of others are no part of the program.
 */
static __always_inline void stack_take(struct scry_scratch *s, __u32 slot, struct task_struct *task,
				       struct scry_proc *proc, __u32 pid, __u32 runtimes)
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
	if (runtimes & config.runtimes & 1 << SCRY_RUNTIME_PYTHON && proc->runtime == SCRY_RUNTIME_PYTHON) {
		walk_prepare(s, proc, pid, slot);
		if (!python_current(slot))
			python_walk(pid, slot);
	} else if (runtimes & config.runtimes & 1 << SCRY_RUNTIME_LUA && proc->runtime == SCRY_RUNTIME_LUA) {
		if (!lua_enter(pid, slot))
			lua_walk(pid, slot);
	} else {
		sample->error = SCRY_WALK_NO_INTERPRETER;
		return; /* it runs another program since, in a language that was not to be expected */
	}
	sample->error = s->walk.error;
	sample->count = s->walk.count;
}

/*
 * Add the frames of C and of the kernel, as the options ask for. For programs that are only loaded with these options: others
 * would have to load all that it needs. in_user: the task was interrupted in user mode.
 */
static __always_inline void stack_deepen(void *ctx, struct scry_scratch *s, __u32 slot, struct task_struct *task, __u32 pid,
					 bool in_user)
{
	struct scry_sample *sample = &s->sample;
	__u32 at;
	long bytes;

	if (config.native && !(task->flags & PF_EXITING))
		native_walk(pid, slot, in_user);
	at = sample->count + sample->native;
	if (!config.kernel || at > SCRY_MAX_STACK + SCRY_MAX_NATIVE)
		return;
	bytes = bpf_get_stack(ctx, &s->frames[at], SCRY_MAX_KERNEL * sizeof(__u64), 0);
	sample->kernel = bytes > 0 ? bytes / sizeof(__u64) : 0;
}

/* What lies behind s->sample: the frames of all kinds. More than can be: 0. */
static __always_inline __u32 stack_frames(const struct scry_sample *sample)
{
	__u32 frames = sample->count;

	if (config.native || config.kernel)
		frames += sample->native + sample->kernel;
	return frames <= SCRY_MAX_STACK + SCRY_MAX_NATIVE + SCRY_MAX_KERNEL ? frames : 0;
}

/* What else makes a stack differ from one with the same words. */
static __always_inline __u64 stack_shape(const struct scry_sample *sample)
{
	__u64 shape = (__u64)sample->count << 16 | sample->runtime << 8 | sample->error;

	if (config.native || config.kernel) /* addresses mean something in their process alone */
		shape ^= ((__u64)sample->head.pid << 32) * 31 + ((__u64)sample->native << 48) +
			 ((__u64)sample->native_error << 40) + ((__u64)sample->entries << 32);
	return shape;
}

/* Say whose stack it is, but for the time: kind and pid of the head, thread, CPU, name. */
static __always_inline void stack_sign(struct scry_sample *sample, struct task_struct *task, __u32 pid, __u32 kind)
{
	sample->head.kind = kind;
	sample->head.pid = pid;
	sample->tid = task_tid(task);
	sample->thread = task_thread_pointer(task);
	sample->cpu = bpf_get_smp_processor_id();
	task_comm(task, sample->comm);
}

/* Is the stack one that a recording of the whole machine leaves out? Most of its processes have no interpreter. */
static __always_inline bool stack_is_foreign(const struct scry_sample *sample)
{
	return config.all && (sample->error == SCRY_WALK_PENDING || sample->error == SCRY_WALK_NO_INTERPRETER);
}

#endif
