// SPDX-License-Identifier: GPL-2.0-only
/* Entries and exits of calls become pairs here: the table of running calls, their times, and what is told or counted of them. */
#include "account.h"
#include "plain.h"
#include "resume.h"

__u32 stats_used = 0;

/* ---- the table ---- */

__noinline int call_index(__u64 frame, __u32 instance)
{
	__u32 which = call_set(frame, instance);
	bool spilled = false;
	int found;

	if (frame <= CALL_CLAIMED)
		return -1;
	found = set_search(which, frame, instance, &spilled);
	return found < 0 && spilled ? set_search(which ^ 1, frame, instance, &spilled) : found;
}

/* Programs of other CPUs may look for a place in the same set. */
static __always_inline int set_put(__u32 which, __u64 frame, const struct scry_call *call)
{
	struct scry_call_set *set = bpf_map_lookup_elem(&calls, &which);
	int i;

	if (!set)
		return -1;
	i = set_claim(set);
	if (i < 0) {
		set->spilled = 1;
		return -1;
	}
	set->call[i & (SCRY_CALL_WAYS - 1)] = *call;
	*(volatile __u64 *)&set->frame[i & (SCRY_CALL_WAYS - 1)] = frame;
	return which * SCRY_CALL_WAYS + i;
}

/* Its index, or -1: there is no room. */
__noinline int call_put(__u64 frame, const struct scry_call *call)
{
	__u32 which;
	int index;

	if (!call || frame <= CALL_CLAIMED)
		return -1;
	which = call_set(frame, call->instance);
	index = set_put(which, frame, call);
	return index < 0 ? set_put(which ^ 1, frame, call) : index;
}

/* ---- the end of a call ---- */

/* To 3.10 a generator that is closed before it began enters the eval function too, and leaves it without running. */
static __always_inline bool never_began(struct scry_at *at, __u64 frame, const struct scry_call *call,
					enum scry_call_type type)
{
	if (call->unbegun)
		return true;
	return type == SCRY_CALL_UNWIND && !call->resumed && python_always_enters_eval(at->slot) &&
	       !python_look(frame, at->slot) && at->s->here.at == SCRY_AT_NONE;
}

/* The call is over (or suspended, for YIELD): time it, and charge it to its caller. */
static __always_inline void end(struct scry_at *at, __u64 frame, int index, struct scry_call *call, enum scry_call_type type)
{
	__u64 run = call->suspended ? 0 : at->now - call->since;
	__u64 total = call->ran + run, callees = call->callees < total ? call->callees : total;
	struct scry_call *caller = call_find(at, call->caller);

	if (caller)
		caller->callees += run;
	at->thread->top = call->caller;
	at->thread->depth = call->depth;
	if (config.aggregate && type != SCRY_CALL_YIELD && !code_dropped(call->code) && !never_began(at, frame, call, type))
		stat_add(call, type == SCRY_CALL_UNWIND, total, callees);
	if (config.stream)
		call_tell_end(at, frame, call, type, total, total - callees, TELL_PYTHON);
	if (type == SCRY_CALL_YIELD) {
		call->ran = total;
		call->suspended = 1;
	} else {
		call_remove(index);
	}
}

/* 0: there is no such call. */
__noinline int call_close(struct scry_thread *thread, __u64 frame, int index, __u32 type, __u32 slot)
{
	struct scry_call *call = call_at(index);
	struct scry_at at;

	if (!call || !at_again(&at, thread, slot))
		return 0;
	end(&at, frame, index, call, type);
	return 1;
}

/* ---- other stacks ---- */

/* The thread has gone on elsewhere: its innermost call stays. Only where exits do not tell their frame need it be known. */
static __always_inline void stack_leave(struct scry_at *at)
{
	struct scry_thread *thread = at->thread;

	if (thread->top && python_always_enters_eval(at->slot))
		thread->elsewhere[thread->elsewhere_at++ & (SCRY_STACKS - 1)] = thread->top;
}

static __always_inline void stack_enter(struct scry_at *at, __u64 running)
{
	struct scry_thread *thread = at->thread;
	struct scry_call *call = call_find(at, running);

	stack_leave(at);
	for (int i = 0; i < SCRY_STACKS; i++)
		if (thread->elsewhere[i] == running)
			thread->elsewhere[i] = 0;
	if (!call)
		return;
	thread->top = running;
	thread->depth = call->depth + 1;
}

/* The outermost call of a stack, left by an exception, is in no chain that is looked at later (3.11, 3.12). */
static __always_inline void stack_end(struct scry_at *at)
{
	struct scry_thread *thread = at->thread;
	int index = thread->passed ? call_index(thread->top, at->instance) : -1;
	struct scry_call *call = call_at(index);

	if (call && call->since == thread->passed_since && python_is_left(thread->top, thread->passed, at->slot))
		call_close(thread, thread->top, index, SCRY_CALL_UNWIND, at->slot);
}

__noinline int call_passed(struct scry_thread *thread, __u64 frame, __u64 object, __u32 slot)
{
	struct scry_call *call;
	struct scry_at at;

	if (!at_again(&at, thread, slot))
		return 0;
	call = call_find(&at, frame);
	if (call)
		call->raised = 1;
	thread->passed = call ? object : 0;
	thread->passed_since = call ? call->since : 0;
	return 0;
}

__noinline int call_switch(struct scry_thread *thread, __u32 slot)
{
	struct scry_at at;

	if (!at_again(&at, thread, slot) || (thread->top && python_executes(thread->top, slot) != 1))
		return 0;
	for (int i = 0; i < SCRY_STACKS; i++) {
		__u64 frame = thread->elsewhere[i];

		if (!frame || call_index(frame, at.instance) < 0 || python_executes(frame, slot))
			continue;
		stack_enter(&at, frame);
		return 0;
	}
	return thread->top != 0;
}

#define MAX_UNWOUND 128

__noinline int call_reconcile(struct scry_thread *thread, __u64 running, __u32 slot)
{
	struct scry_call *call;
	struct scry_at at;
	__u64 frame;

	if (!at_again(&at, thread, slot))
		return 0;
	if (!running) { /* no caller: the outermost, or one that is not linked yet */
		stack_end(&at);
		stack_leave(&at);
		return 0;
	}
	frame = at.thread->top;
	for (int i = 0; i < MAX_UNWOUND && frame && frame != running; i++) {
		call = call_find(&at, frame);
		if (!call)
			break;
		frame = call->caller;
	}
	if (frame != running) {
		stack_end(&at);
		if (at.thread->top != running)
			stack_enter(&at, running);
		return 0;
	}
	for (int i = 0; i < MAX_UNWOUND; i++) {
		frame = at.thread->top;
		if (frame == running ||
		    !call_close(thread, frame, call_index(frame, at.instance), SCRY_CALL_UNWIND, slot))
			break;
	}
	at.thread->top = running;
	return 0;
}

__noinline int call_leave(struct scry_thread *thread, __u64 frame, int index, __u32 type, __u32 slot)
{
	if (!thread)
		return 0;
	if (thread->top != frame)
		call_reconcile(thread, frame, slot);
	return call_close(thread, frame, index, type, slot);
}

__noinline int call_unpaired(struct scry_thread *thread, __u64 frame, __u32 slot)
{
	struct scry_at at;

	if (!at_again(&at, thread, slot))
		return 0;
	if (at.thread->top == frame)
		at.thread->top = 0;
	if (python_look(frame, slot))
		return 0;
	if (code_dropped(at.s->here.code)) {
		if (thread->left_out)
			thread->left_out--;
	} else if (at.s->here.at > at.s->here.first) {
		count(SCRY_COUNT_UNPAIRED);
	}
	return 0;
}

/* ---- the beginning ---- */

/* Whose entry was seen but not its end: a generator dropped while suspended, or an exit no probe told of. */
static __always_inline void call_replace(struct scry_at *at, __u64 frame, int index, struct scry_call *old)
{
	__u64 top = at->thread->top;
	__u32 depth = at->thread->depth;

	call_close(at->thread, frame, index, old->suspended ? SCRY_CALL_DROPPED : SCRY_CALL_UNWIND, at->slot);
	at->thread->top = top;
	at->thread->depth = depth;
}

/* The call of the frame: that which is resumed, or a new one. NULL: no room. */
static __always_inline struct scry_call *call_of(struct scry_at *at, const struct scry_here *here, bool resumed, __u32 stat)
{
	struct scry_call new = { .code = here->code, .instance = at->instance, .since = at->now, .resumed = resumed,
				 .generator = here->generator != 0, .stat = stat };
	int index = call_index(here->frame, at->instance);
	struct scry_call *call = call_at(index);

	if (call && resumed && call->code == here->code)
		return call;
	if (call)
		call_replace(at, here->frame, index, call);
	return call_at(call_put(here->frame, &new));
}

/*
 * A frame that nobody has seen begin, and the innermost call is its caller: that of the interpreter's by which __init__ is called
 * (3.13+), or one that is left out.
 */
static __always_inline bool is_between(struct scry_at *at, __u64 frame)
{
	__u64 top = at->thread->top;

	return top && frame && frame != top && python_previous(frame, at->slot) == top && !call_find(at, frame);
}

static __always_inline int enter(struct scry_at *at)
{
	struct scry_here here = at->s->here;
	bool resumed = here.at > here.first, dropped = code_dropped(here.code);
	struct scry_call *call;
	__u32 stat;

	if (dropped)
		plain_learn(at, &here, here.address, SCRY_NO_STAT);
	/* What is left out matters for the own times of calls that are not: is one of those running? */
	if (dropped && (!at->thread->top || !call_find(at, at->thread->top))) {
		at->thread->left_out++;
		return 0;
	}
	if (here.caller != at->thread->top) {
		python_skip(at->slot);
		here.caller = at->s->here.caller;
		if (is_between(at, here.caller))
			here.caller = at->thread->top;
		if (here.caller != at->thread->top)
			call_reconcile(at->thread, here.caller, at->slot);
	}
	/* In 2.7 nothing but the innermost call tells what the eval function has run when it returns. */
	if (dropped && !config.keep_dropped &&
	    (!python_always_enters_eval(at->slot) || python_executes(here.frame, at->slot) >= 0)) {
		at->thread->left_out++;
		return 0;
	}
	stat = config.aggregate && !dropped ? stat_of(here.code) : SCRY_NO_STAT;
	plain_learn(at, &here, here.address, stat);
	call = call_of(at, &here, resumed, stat);
	if (!call) {
		count(SCRY_COUNT_UNTRACKED);
		return 0;
	}
	call->caller = here.caller;
	call->depth = at->thread->top && at->thread->top == here.caller ? at->thread->depth : 0;
	call->at = here.at;
	call->since = at->now;
	call->suspended = 0;
	at->thread->top = here.frame;
	at->thread->depth = call->depth + 1;
	if (resumed && config.aggregate)
		stat_resume(stat);
	if (config.stream && !config.min_duration_ns)
		call_tell_begin(at, here.frame, call, here.at, resumed ? SCRY_CALL_RESUME : SCRY_CALL_ENTRY, TELL_PYTHON);
	return 0;
}

__noinline int call_enter(struct scry_thread *thread, __u32 slot)
{
	struct scry_at at;

	return at_again(&at, thread, slot) ? enter(&at) : 0;
}

/* ---- counting alone ---- */

__noinline int call_count(struct scry_thread *thread, __u32 slot, __u64 instruction, __u32 resume)
{
	struct scry_call_stat *stat;
	struct scry_here here;
	struct scry_at at;
	bool dropped;
	__u32 index;

	if (!at_again(&at, thread, slot))
		return 0;
	if (resume && resume_again(thread, slot))
		return 0;
	here = at.s->here;
	dropped = code_dropped(here.code);
	index = dropped ? SCRY_NO_STAT : stat_of(here.code);
	plain_learn(&at, &here, here.address, index);
	if (instruction)
		plain_learn(&at, &here, instruction, index);
	if (dropped)
		return 0;
	stat = stat_at(index);
	if (!stat)
		count(SCRY_COUNT_UNTRACKED);
	else if (here.at > here.first)
		__sync_fetch_and_add(&stat->resumes, 1);
	else
		__sync_fetch_and_add(&stat->calls, 1);
	return 0;
}
