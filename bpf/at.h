/* SPDX-License-Identifier: GPL-2.0-only */
/* A program at a probe: who hit it, where to work, and how to tell of it. */
#ifndef SCRY_BPF_AT_H
#define SCRY_BPF_AT_H

#include "calls.h"
#include "slots.h"
#include "stack.h"

/* Set by user space when all probes are in place, cleared before the first is removed: what is seen in between is seen whole. */
extern __u32 watching;
extern __u32 lives;

/* One event at a probe, while it is worked on. */
struct scry_at {
	struct scry_scratch *s;
	struct scry_thread *thread;
	__u32 pid, slot, instance, pad;
	__u64 now;
};

/*
 * What at_begin found, in a global function (which the verifier looks at once; it can be given memory, but not a structure of
 * such pointers). false: never, but the verifier does not know.
 */
static __always_inline bool at_again(struct scry_at *at, struct scry_thread *thread, __u32 slot)
{
	at->slot = slot;
	at->s = scratch_at(slot);
	at->thread = thread;
	if (!at->s || !at->thread)
		return false;
	at->now = at->s->event.now;
	at->pid = at->s->event.pid;
	at->instance = at->s->event.instance;
	return true;
}

/* Is this hit ours? Then everything is at hand until at_end. */
static __always_inline bool at_begin(struct scry_at *at)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 before = *(volatile __u32 *)&lives;
	struct scry_proc *proc;

	if (!watching)
		return false;
	at->pid = task_pid(task);
	proc = bpf_map_lookup_elem(&procs, &at->pid); /* only followed processes are there */
	if (proc ? !task_passes(task) : !task_followed(task, at->pid))
		return false;
	if (!proc) { /* one that has started since, from a binary that is known */
		place_process(at->pid);
		proc = bpf_map_lookup_elem(&procs, &at->pid);
	}
	if (!proc)
		return false;
	at->instance = proc->instance;
	at->thread = bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!at->thread || !slot_take(&at->slot))
		return false;
	at->s = scratch_at(at->slot);
	if (!at->s)
		return false;
	if (at->thread->instance != at->instance) { /* another program has been started since */
		at->thread->instance = at->instance;
		at->thread->left_out = 0;
		at->thread->top = at->thread->passed = at->thread->exception = 0;
		at->thread->depth = 0;
		at->thread->gc_since = 0;
		at->thread->thrown = 0;
		at->thread->gil_held_since = at->thread->gil_waits_since = 0;
		at->thread->imports = 0;
		__builtin_memset(&at->thread->resume, 0, sizeof(at->thread->resume));
	}
	at->thread->lives = before;
	at->thread->binary = proc->binary;
	at->thread->bias = proc->bias;
	walk_prepare(at->s, proc, at->pid, at->slot);
	at->s->sample.runtime = proc->runtime;
	at->now = bpf_ktime_get_ns();
	at->s->event.now = at->now;
	at->s->event.pid = at->pid;
	at->s->event.instance = at->instance;
	at->s->event.value = 0;
	at->s->event.unlinked.frame = 0;
	count(SCRY_COUNT_EVENTS);
	return true;
}

static __always_inline void at_end(struct scry_at *at)
{
	slot_give(at->s);
}

/* Room for the event and its texts behind the frames. */
#define MAX_EVENT_FRAMES (SCRY_MAX_STACK - 1024)

/* The event's record behind the frames that are there now. */
static __always_inline struct scry_event *at_record(struct scry_at *at, enum scry_event_kind kind)
{
	struct scry_scratch *s = at->s;
	struct scry_event *event;
	__u32 n = s->walk.count;

	if (n > MAX_EVENT_FRAMES)
		n = MAX_EVENT_FRAMES;
	s->sample.count = n;
	s->sample.native = s->sample.kernel = s->sample.native_error = 0;
	event = (struct scry_event *)&s->frames[n];
	__builtin_memset(event, 0, sizeof(*event));
	event->event = kind;
	return event;
}

/* The same; with config.stack the callers are added. */
static __always_inline struct scry_event *at_event(struct scry_at *at, enum scry_event_kind kind)
{
	struct scry_scratch *s = at->s;

	if (config.stack && s->walk.count == 1 && s->here.caller) {
		s->walk.frame = s->here.caller;
		if (s->walk.frame == s->event.unlinked.frame) {
			s->frames[s->walk.count++] = s->event.unlinked.place;
			s->walk.frame = s->event.unlinked.caller;
		}
		/* Nothing is left of an earlier walk at this hit, whose frames would be taken for a cycle. */
		s->walk.mark = s->walk.steps = s->walk.next_mark = 0;
		s->walk.window_from = s->walk.window_last = 0;
		python_walk(at->pid, at->slot);
	}
	return at_record(at, kind);
}

/* Append a C string of the target as text `which`; texts must be added in order. */
static __always_inline void at_text(struct scry_event *event, __u32 which, __u64 address)
{
	__u32 before = which ? event->text_bytes[0] : 0;
	long size;

	if (before > SCRY_EVENT_TEXT)
		return;
	size = bpf_probe_read_user_str((char *)(event + 1) + before, SCRY_EVENT_TEXT, (const void *)address);
	if (size > 1)
		event->text_bytes[which & 1] = size - 1;
}

/* Send it, with `text` bytes behind it. */
static __always_inline void at_send(struct scry_at *at, __u32 text)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct scry_sample *sample = &at->s->sample;
	__u32 n = sample->count;

	if (n > MAX_EVENT_FRAMES || text > SCRY_VALUE_ROOM)
		return;
	stack_sign(sample, task, at->pid, SCRY_RECORD_EVENT);
	sample->head.time = at->now;
	sample->error = at->s->walk.error;
	sample->instance = at->instance;
	if (emit(sample, sizeof(*sample) + n * sizeof(struct scry_frame) + sizeof(struct scry_event) + text))
		count(SCRY_COUNT_LOST_EVENTS);
}

/* Has user space found the function's name not to match? */
static __always_inline bool code_dropped(__u32 code)
{
	__u32 index = code & (MAX_VERDICTS - 1);
	__u8 *verdict = bpf_map_lookup_elem(&verdicts, &index);

	return verdict && (*verdict & ~SCRY_VERDICT_NAMED) == SCRY_VERDICT_DROP;
}

#endif
