// SPDX-License-Identifier: GPL-2.0-only
/* Calls and returns: the programs at the probes of the event `call`, and the pairing they share. */
#include "at.h"
#include "registers.h"

#include "../runtimes/python/cookie.h"

__u32 watching = 0;

static const struct scry_call_stat no_calls; /* in .rodata: too large for the stack */

/* As a global function, which the verifier looks at once. */
__noinline __u32 call_bucket(__u64 ns)
{
	return hist_bucket(ns);
}

static __always_inline struct scry_call *call_find(struct scry_at *at, __u64 frame)
{
	struct scry_call_key key = { .frame = frame, .instance = at->instance };

	return bpf_map_lookup_elem(&calls, &key);
}

static __always_inline void call_forget(struct scry_at *at, __u64 frame)
{
	struct scry_call_key key = { .frame = frame, .instance = at->instance };

	bpf_map_delete_elem(&calls, &key);
}

static __noinline struct scry_call_stat *stat_of(__u32 code)
{
	struct scry_call_stat *stat = bpf_map_lookup_elem(&call_stats, &code);

	if (stat)
		return stat;
	bpf_map_update_elem(&call_stats, &code, &no_calls, BPF_NOEXIST);
	return bpf_map_lookup_elem(&call_stats, &code);
}

static __always_inline void stat_add(const struct scry_call *call, bool failed, __u64 total, __u64 own)
{
	struct scry_call_stat *stat = stat_of(call->code);
	__u32 bucket = call_bucket(total);

	if (!stat) {
		count(SCRY_COUNT_UNTRACKED);
		return;
	}
	if (!call->resumed)
		__sync_fetch_and_add(&stat->calls, 1);
	__sync_fetch_and_add(&stat->total_ns, total);
	__sync_fetch_and_add(&stat->own_ns, own);
	if (failed)
		__sync_fetch_and_add(&stat->errors, 1);
	if (total > stat->max_ns) /* two threads of a free-threaded process may race: the larger may be lost, never invented */
		stat->max_ns = total;
	if (bucket < SCRY_HIST_BUCKETS)
		__sync_fetch_and_add(&stat->hist[bucket], 1);
}

/* Arguments where it begins, a value where it ends; 0: the event has none. */
static __always_inline void tell_values(struct scry_at *at, __u64 frame, enum scry_call_type type)
{
	if (config.args && type == SCRY_CALL_ENTRY)
		python_arguments(frame, at->pid, at->slot);
	if (config.ret && (type == SCRY_CALL_RETURN || type == SCRY_CALL_YIELD) && at->s->event.value)
		python_value(at->s->event.value, at->pid, at->slot);
}

static __always_inline int call_tell(struct scry_at *at, __u64 frame, struct scry_call *call, enum scry_call_type type,
				     __u64 duration, __u64 own)
{
	struct scry_event *event;

	if (config.max_depth && call->depth >= config.max_depth)
		return 0;
	if (config.min_duration_ns && duration < config.min_duration_ns)
		return 0;
	if (code_dropped(call->code))
		return 0;
	event = at_event(at, SCRY_EVENT_CALL);
	event->type = type;
	event->depth = call->depth;
	event->duration_ns = duration;
	event->own_ns = own;
	tell_values(at, frame, type);
	at_send(at, event->value_bytes);
	return 0;
}

/* To 3.10 a generator that is closed before it began enters the eval function too, and leaves it without running. */
static __always_inline bool never_began(struct scry_at *at, __u64 frame, const struct scry_call *call,
					enum scry_call_type type)
{
	if (call->unbegun)
		return true;
	return type == SCRY_CALL_UNWIND && !call->resumed && python_always_enters_eval(at->pid) &&
	       !python_look(frame, at->pid, at->slot) && at->s->here.at == SCRY_AT_NONE;
}

/* The call is over (or suspended, for YIELD): time it, and charge it to its caller. */
static __always_inline void close(struct scry_at *at, __u64 frame, struct scry_call *call, enum scry_call_type type)
{
	__u64 run = call->suspended ? 0 : at->now - call->since;
	__u64 total = call->ran + run, own = total - call->callees;
	struct scry_call *caller = call->caller ? call_find(at, call->caller) : 0;

	if (own > total)
		own = 0;
	if (caller)
		caller->callees += run;
	at->thread->top = call->caller;
	at->thread->depth = call->depth;
	if (config.aggregate && type != SCRY_CALL_YIELD && !code_dropped(call->code) && !never_began(at, frame, call, type))
		stat_add(call, type == SCRY_CALL_UNWIND, total, own);
	if (config.stream) {
		at->s->frames[0].code = call->code;
		at->s->frames[0].at = SCRY_AT_NONE;
		at->s->walk.count = 1;
		at->s->walk.error = SCRY_WALK_OK;
		at->s->here.caller = call->caller;
		call_tell(at, frame, call, type, total, own);
	}
	if (type == SCRY_CALL_YIELD) {
		call->ran = total;
		call->suspended = 1;
	} else {
		call_forget(at, frame);
	}
}

/* 0: there is no such call. */
__noinline int call_close(__u64 frame, __u32 type, __u32 slot)
{
	struct scry_call *call;
	struct scry_at at;

	if (!at_again(&at, slot))
		return 0;
	call = call_find(&at, frame);
	if (!call)
		return 0;
	close(&at, frame, call, type);
	return 1;
}

#define MAX_UNWOUND 128

/* All calls between the innermost one known and `running` are gone without having been told: left by an exception. Where
 * running is not among the callers (another stack was switched to), nothing is known of them: they stay. */
__noinline int call_reconcile(__u64 running, __u32 slot)
{
	struct scry_call *call;
	struct scry_at at;
	__u64 frame;

	if (!at_again(&at, slot))
		return 0;
	if (!running) /* no caller: the outermost, or one that is not linked yet */
		return 0;
	frame = at.thread->top;
	for (int i = 0; i < MAX_UNWOUND && frame && frame != running; i++) {
		call = call_find(&at, frame);
		if (!call)
			return 0;
		frame = call->caller;
	}
	if (frame != running)
		return 0;
	for (int i = 0; i < MAX_UNWOUND; i++)
		if (at.thread->top == running || !call_close(at.thread->top, SCRY_CALL_UNWIND, slot))
			break;
	at.thread->top = running;
	return 0;
}

/* Whose entry was seen but not its end: a generator dropped while suspended, or an exit no probe told of. */
static __always_inline void call_replace(struct scry_at *at, __u64 frame, struct scry_call *old)
{
	__u64 top = at->thread->top;
	__u32 depth = at->thread->depth;

	call_close(frame, old->suspended ? SCRY_CALL_RETURN : SCRY_CALL_UNWIND, at->slot);
	at->thread->top = top;
	at->thread->depth = depth;
}

/* s->here is a frame that begins to run, for the first time or again. */
static __always_inline int enter(struct scry_at *at)
{
	struct scry_here here = at->s->here;
	struct scry_call_key key = { .frame = here.frame, .instance = at->instance };
	struct scry_call new = { .code = here.code, .since = at->now }, *call;
	bool resumed = here.at > here.first;

	new.resumed = resumed;

	if (here.caller != at->thread->top) {
		python_skip(at->pid, at->slot);
		here.caller = at->s->here.caller;
		if (here.caller != at->thread->top)
			call_reconcile(here.caller, at->slot);
	}
	if (!config.keep_dropped && code_dropped(here.code))
		return 0;
	call = call_find(at, here.frame);
	if (call && !(resumed && call->code == here.code)) {
		call_replace(at, here.frame, call);
		call = 0;
	}
	if (!call) {
		if (bpf_map_update_elem(&calls, &key, &new, BPF_ANY)) {
			count(SCRY_COUNT_UNTRACKED);
			return 0;
		}
		call = bpf_map_lookup_elem(&calls, &key);
		if (!call)
			return 0;
	}
	call->caller = here.caller;
	call->depth = at->thread->top && at->thread->top == here.caller ? at->thread->depth : 0;
	call->at = here.at;
	call->since = at->now;
	call->suspended = 0;
	at->thread->top = here.frame;
	at->thread->depth = call->depth + 1;
	if (resumed && config.aggregate) {
		struct scry_call_stat *stat = stat_of(here.code);

		if (stat)
			__sync_fetch_and_add(&stat->resumes, 1);
	}
	if (config.stream && !config.min_duration_ns) {
		at->s->walk.count = 1;
		at->s->frames[0].code = here.code;
		at->s->frames[0].at = here.at;
		/* Calls that were found to be over have been told of in between. */
		at->s->walk.error = SCRY_WALK_OK;
		at->s->here.caller = here.caller;
		call_tell(at, here.frame, call, resumed ? SCRY_CALL_RESUME : SCRY_CALL_ENTRY, 0, 0);
	}
	return 0;
}

__noinline int call_enter(__u32 slot)
{
	struct scry_at at;

	return at_again(&at, slot) ? enter(&at) : 0;
}

/* The end of a call whose beginning was not seen, because of a filter, because it began before scry came, or because it is the
 * interpreter's own, or because its body never began (what __init__ is called by; a generator closed before). Only the
 * second is worth telling. */
static __always_inline int call_unpaired(struct scry_at *at, __u64 frame)
{
	if (at->thread->top == frame)
		at->thread->top = 0;
	if (!python_look(frame, at->pid, at->slot) && at->s->here.at > at->s->here.first &&
	    !code_dropped(at->s->here.code))
		count(SCRY_COUNT_UNPAIRED);
	return 0;
}

__noinline int call_leave(__u64 frame, __u32 type, __u32 slot)
{
	struct scry_at at;

	if (!at_again(&at, slot))
		return 0;
	if (!call_find(&at, frame))
		return call_unpaired(&at, frame);
	if (at.thread->top != frame)
		call_reconcile(frame, slot);
	return call_close(frame, type, slot);
}

/* A fresh exception in this frame: its type and, where it is a plain string, its message. */
static __noinline int exception_tell(struct scry_at *at, __u64 frame)
{
	__u64 type = python_fresh_exception(at->pid, at->slot), message;
	struct scry_event *event;

	if (!type)
		return 0;
	message = at->s->event.message;
	if (python_look(frame, at->pid, at->slot) || code_dropped(at->s->here.code))
		return 0;
	event = at_event(at, SCRY_EVENT_EXCEPTION);
	at_text(event, 0, type);
	if (message)
		python_text(message, at->pid, at->slot);
	at_send(at, event->text_bytes[0] + event->text_bytes[1]);
	return 0;
}

/* The sites. */

static __always_inline int enter_frame(__u64 frame)
{
	struct scry_at at;

	if (!at_begin(&at))
		return 0;
	if (python_look(frame, at.pid, at.slot))
		count(SCRY_COUNT_UNREADABLE);
	else
		call_enter(at.slot);
	at_end(&at);
	return 0;
}

/* What the instruction whose handler this is returns or yields; 0: not known. */
static __always_inline __u64 value_of(struct pt_regs *ctx, __u64 frame, __u32 pid)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), value;

	if (cookie & PYTHON_COOKIE_CONST) {
		value = cookie & PYTHON_COOKIE_INSTR_STORED ? 0 : register_of(ctx, PYTHON_COOKIE_INSTR(cookie));
		return value || cookie & PYTHON_COOKIE_INSTR_STORED ? python_constant(frame, value, pid) : 0;
	}
	value = register_of(ctx, PYTHON_COOKIE_VALUE(cookie));
	if (cookie & PYTHON_COOKIE_VALUE_DIRECT || !value)
		return value;
	return walk_pointer(value - 8);
}

static __always_inline int leave_current(struct pt_regs *ctx, enum scry_call_type type)
{
	struct scry_at at;
	__u64 frame;

	if (!at_begin(&at))
		return 0;
	if (python_enter(at.pid, at.slot)) {
		count(SCRY_COUNT_UNREADABLE);
		at_end(&at);
		return 0;
	}
	frame = at.s->walk.frame;
	if (config.ret)
		at.s->event.value = value_of(ctx, frame, at.pid);
	if (config.ret && type == SCRY_CALL_RETURN && python_pops(at.pid)) {
		at.thread->value_frame = frame;
		at.thread->value = at.s->event.value;
	} else {
		call_leave(frame, type, at.slot);
	}
	at_end(&at);
	return 0;
}

/* RESUME is executed once more where it, or its function, is instrumented meanwhile (3.12+). */
static __always_inline bool runs_already(struct scry_at *at)
{
	struct scry_here *here = &at->s->here;
	struct scry_call *call = at->thread->top == here->frame ? call_find(at, here->frame) : 0;

	return call && !call->suspended && call->code == here->code && call->at == here->at;
}

static __always_inline int site_resume(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u64 instruction = cookie & PYTHON_COOKIE_INSTR_STORED ? 0 : register_of(ctx, PYTHON_COOKIE_INSTR(cookie));
	struct scry_at at;

	if (!at_begin(&at))
		return 0;
	if (python_look(0, at.pid, at.slot))
		count(SCRY_COUNT_UNREADABLE);
	else if (!python_creates(instruction, at.pid, at.slot) && !runs_already(&at))
		call_enter(at.slot);
	at_end(&at);
	return 0;
}

static __always_inline int site_return_value(struct pt_regs *ctx)
{
	return leave_current(ctx, SCRY_CALL_RETURN);
}

static __always_inline int site_yield_value(struct pt_regs *ctx)
{
	return leave_current(ctx, SCRY_CALL_YIELD);
}

/* _PyEval_EvalFrameDefault([tstate,] frame, throwflag) */
static __always_inline int site_eval_entry(struct pt_regs *ctx)
{
	__u64 first = PT_REGS_PARM1(ctx), second = PT_REGS_PARM2(ctx);

	barrier_var(first); /* the context may only be read at constant offsets */
	barrier_var(second);
	return enter_frame(bpf_get_attach_cookie(ctx) & PYTHON_COOKIE_THREAD_FIRST ? second : first);
}

/* _PyEval_FrameClearAndPop(tstate, frame) */
static __always_inline int site_frame_pop(struct pt_regs *ctx)
{
	struct scry_at at;

	if (!at_begin(&at))
		return 0;
	if (config.ret && at.thread->value_frame == PT_REGS_PARM2(ctx)) {
		at.s->event.value = at.thread->value;
		at.thread->value_frame = 0;
	}
	call_leave(PT_REGS_PARM2(ctx), python_raising(PT_REGS_PARM1(ctx), at.pid) ? SCRY_CALL_UNWIND : SCRY_CALL_RETURN,
		   at.slot);
	at_end(&at);
	return 0;
}

/*
 * The eval function's ret. To 3.10 the call that ends is the innermost one, and NULL says an exception left it. Later, only
 * entries from C end here, and what returned has been told by its handler: only exceptions are news.
 */
static __always_inline int site_eval_return(struct pt_regs *ctx)
{
	__u64 value = PT_REGS_RC(ctx);
	bool failed = !value, old;
	struct scry_at at;

	if (!at_begin(&at))
		return 0;
	old = python_always_enters_eval(at.pid);
	at.s->event.value = value;
	if (old && at.thread->top)
		call_leave(at.thread->top,
			   failed ? SCRY_CALL_UNWIND :
			   python_suspended(at.thread->top, at.pid) ? SCRY_CALL_YIELD : SCRY_CALL_RETURN,
			   at.slot);
	else if (old)
		count(SCRY_COUNT_UNPAIRED);
	else if (failed && (!python_enter(at.pid, at.slot) || at.s->walk.error == SCRY_WALK_NOT_STARTED))
		call_reconcile(at.s->walk.frame, at.slot);
	at_end(&at);
	return 0;
}

/*
 * _PyEval_EvalFrameDefault(tstate, frame, throwflag), 3.11+: an exception is thrown into a suspended generator, which goes
 * on without passing RESUME. Its caller is the frame that is current: it is not linked to it yet.
 */
static __always_inline int site_eval_throw(struct pt_regs *ctx)
{
	__u64 frame = PT_REGS_PARM2(ctx), caller;
	struct scry_at at;

	if (!(int)PT_REGS_PARM3(ctx) || !at_begin(&at))
		return 0;
	caller = python_enter(at.pid, at.slot) ? 0 : at.s->walk.frame;
	if (python_look(frame, at.pid, at.slot)) {
		count(SCRY_COUNT_UNREADABLE);
	} else if (at.s->here.at > at.s->here.first) { /* otherwise its body never begins */
		at.s->here.caller = caller;
		call_enter(at.slot);
	}
	at_end(&at);
	return 0;
}

/* function__entry(file, name, line): the frame is current. */
static __always_inline int site_function_entry(struct pt_regs *ctx)
{
	return enter_frame(0);
}

/* In 3.11 as well, and there the marker tells of both. */
static __always_inline void mark_unbegun(struct scry_at *at, __u64 frame)
{
	struct scry_call *call = call_find(at, frame);

	if (call && !call->resumed && !python_look(frame, at->pid, at->slot) && at->s->here.at < at->s->here.first)
		call->unbegun = 1;
}

/* function__return(file, name, line): the frame is current still; that of a generator which yields is not told apart by the
 * marker, but by itself. */
static __always_inline int site_function_return(struct pt_regs *ctx)
{
	struct scry_at at;
	__u64 frame;

	if (!at_begin(&at))
		return 0;
	if (python_enter(at.pid, at.slot)) {
		count(SCRY_COUNT_UNREADABLE);
	} else {
		frame = at.s->walk.frame;
		mark_unbegun(&at, frame);
		call_leave(frame, python_ending(frame, at.pid, at.slot), at.slot);
	}
	at_end(&at);
	return 0;
}

/*
 * PyTraceBack_Here(frame object): an exception passes this frame, so every deeper one is gone; and an exception without a
 * traceback has just been raised.
 */
static __always_inline int site_traceback(struct pt_regs *ctx)
{
	struct scry_at at;
	__u64 frame;

	if (!at_begin(&at))
		return 0;
	frame = python_frame_of(PT_REGS_PARM1(ctx), at.pid);
	if (config.events & 1u << SCRY_EVENT_CALL)
		call_reconcile(frame, at.slot);
	if (config.events & 1u << SCRY_EVENT_EXCEPTION)
		exception_tell(&at, frame);
	at_end(&at);
	return 0;
}

/* Not to be done anything at: that it is attached is enough. */
static __always_inline int site_line_path(struct pt_regs *ctx)
{
	return 0;
}

SEC("uprobe")
int on_call(struct pt_regs *ctx)
{
	__u32 site = RUNTIME_COOKIE_SITE(bpf_get_attach_cookie(ctx));

	if (!(config.events & 1u << SCRY_EVENT_CALL)) /* then exceptions are wanted: the rest need not be verified */
		return site_traceback(ctx);
	switch (site) {
#define X(name) case RUNTIME_SITE_##name: return site_##name(ctx);
	RUNTIME_CALL_SITES(X)
#undef X
	}
	return 0;
}
