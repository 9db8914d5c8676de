// SPDX-License-Identifier: GPL-2.0-only
/* Calls and returns: the programs at the probes of the event `call`. */
#include "exception.h"
#include "plain.h"
#include "registers.h"

#include "../runtimes/python/cookie.h"

__u32 watching = 0;

static __always_inline int enter_frame(__u64 frame)
{
	struct scry_at at;

	if (!at_begin(&at))
		return 0;
	if (python_look(frame, at.slot)) {
		count(SCRY_COUNT_UNREADABLE);
	} else {
		at.thread->state = at.s->walk.state;
		call_enter(at.thread, at.slot);
	}
	at_end(&at);
	return 0;
}

/* What the instruction whose handler this is returns or yields; 0: not known. */
static __always_inline __u64 value_of(struct pt_regs *ctx, __u64 cookie, __u64 frame, __u32 slot)
{
	__u64 value;

	if (cookie & PYTHON_COOKIE_CONST) {
		value = cookie & PYTHON_COOKIE_INSTR_STORED ? 0 : register_of(ctx, PYTHON_COOKIE_INSTR(cookie));
		return value || cookie & PYTHON_COOKIE_INSTR_STORED ? python_constant(frame, value, slot) : 0;
	}
	value = register_of(ctx, PYTHON_COOKIE_VALUE(cookie));
	if (cookie & PYTHON_COOKIE_VALUE_DIRECT || !value)
		return value;
	if (PYTHON_COOKIE_LOCAL(cookie))
		value = walk_pointer(value + PYTHON_COOKIE_LOCAL(cookie));
	return walk_pointer(value - 8);
}

/* The current frame, where the probe's place is known to have it in a register; 0: it is to be looked for. */
static __always_inline __u64 frame_in(struct pt_regs *ctx, __u64 cookie)
{
	return register_of(ctx, PYTHON_COOKIE_FRAME(cookie));
}

static __always_inline void leave(struct scry_at *at, __u64 frame, enum scry_call_type type)
{
	int index = call_index(frame, at->instance);

	if (index < 0)
		call_unpaired(at->thread, frame, at->slot);
	else
		call_leave(at->thread, frame, index, type, at->slot);
}

static __always_inline int leave_current(struct pt_regs *ctx, __u64 cookie, enum scry_call_type type)
{
	__u64 frame = frame_in(ctx, cookie);
	struct scry_at at;

	if ((type == SCRY_CALL_RETURN && plain_leave(frame, PLAIN_RETURNS)) || !at_begin(&at))
		return 0;
	if (!frame && python_current(at.slot)) {
		count(SCRY_COUNT_UNREADABLE);
		at_end(&at);
		return 0;
	}
	if (!frame) {
		frame = at.s->walk.frame;
		at.thread->state = at.s->walk.state;
	}
	if (config.ret)
		at.s->event.value = value_of(ctx, cookie, frame, at.slot);
	if (config.ret && type == SCRY_CALL_RETURN && python_pops(at.slot)) {
		at.thread->value_frame = frame;
		at.thread->value = at.s->event.value;
	} else {
		leave(&at, frame, type);
	}
	at_end(&at);
	return 0;
}

/* RESUME is executed once more where it, or its function, is instrumented meanwhile (3.12+). */
static __always_inline bool runs_already(struct scry_at *at)
{
	struct scry_here *here = &at->s->here;
	struct scry_call *call = at->thread->top == here->frame ? call_find(at, here->frame) : 0;

	return call && !call->suspended && call->code == here->code && (call->at == here->at || call->at == SCRY_AT_ANY);
}

static __always_inline int site_resume(struct pt_regs *ctx, __u64 cookie)
{
	__u64 instruction = cookie & PYTHON_COOKIE_INSTR_STORED ? 0 : register_of(ctx, PYTHON_COOKIE_INSTR(cookie));
	__u64 frame = frame_in(ctx, cookie);
	struct scry_at at;

	if (plain_enter(frame) || !at_begin(&at))
		return 0;
	if (python_look(frame, at.slot) && (!frame || python_look(0, at.slot)))
		count(SCRY_COUNT_UNREADABLE);
	else if (!python_moves_to(instruction, at.slot) && !python_creates(instruction, at.slot) && !runs_already(&at))
		call_enter(at.thread, at.slot);
	at_end(&at);
	return 0;
}

static __always_inline int site_return_value(struct pt_regs *ctx, __u64 cookie)
{
	return leave_current(ctx, cookie, SCRY_CALL_RETURN);
}

static __always_inline int site_yield_value(struct pt_regs *ctx, __u64 cookie)
{
	return leave_current(ctx, cookie, SCRY_CALL_YIELD);
}

/* _PyEval_EvalFrameDefault([tstate,] frame, throwflag) */
static __always_inline int site_eval_entry(struct pt_regs *ctx, __u64 cookie)
{
	__u64 first = PT_REGS_PARM1(ctx), second = PT_REGS_PARM2(ctx);

	barrier_var(first); /* the context may only be read at constant offsets */
	barrier_var(second);
	if (cookie & PYTHON_COOKIE_THREAD_FIRST)
		first = second;
	return plain_enter(first) ? 0 : enter_frame(first);
}

/* _PyEval_FrameClearAndPop(tstate, frame) */
static __always_inline int site_frame_pop(struct pt_regs *ctx, __u64 cookie)
{
	__u64 state = PT_REGS_PARM1(ctx), frame = PT_REGS_PARM2(ctx);
	struct scry_at at;
	int index;

	barrier_var(state); /* the context may only be read at constant offsets */
	barrier_var(frame);
	if ((frame && plain_leave(frame, PLAIN_PASSED)) || !at_begin(&at))
		return 0;
	if (config.ret && at.thread->value_frame == frame) {
		at.s->event.value = at.thread->value;
		at.thread->value_frame = 0;
	}
	index = call_index(frame, at.instance);
	if (index < 0)
		call_unpaired(at.thread, frame, at.slot);
	else
		call_leave(at.thread, frame, index,
			   python_raising(state, at.slot) ? SCRY_CALL_UNWIND : SCRY_CALL_RETURN, at.slot);
	at_end(&at);
	return 0;
}

/* The end of a call that may also be a generator's which yields: then the frame says so. */
static __always_inline void leave_or_yield(struct scry_at *at, __u64 frame, bool failed)
{
	enum scry_call_type type = failed ? SCRY_CALL_UNWIND : SCRY_CALL_RETURN;
	int index = call_index(frame, at->instance);
	struct scry_call *call = call_at(index);

	if (!call) {
		call_unpaired(at->thread, frame, at->slot);
		return;
	}
	if (call->generator && !call->resumed && !python_look(frame, at->slot) && at->s->here.at < at->s->here.first)
		call->unbegun = 1;
	if (call->generator && !failed && python_suspended(frame, at->slot))
		type = SCRY_CALL_YIELD;
	call_leave(at->thread, frame, index, type, at->slot);
}

/* To 3.10 the eval function has run what is not known: what is left out by its name, or began before scry came. */
static __always_inline void call_unknown(struct scry_at *at)
{
	if (at->thread->left_out)
		at->thread->left_out--;
	else
		count(SCRY_COUNT_UNPAIRED);
}

/*
 * The eval function's ret. To 3.10 the call that ends is the innermost one, and NULL says an exception left it. Later, only
 * entries from C end here, and what returned has been told by its handler: only exceptions are news.
 */
static __always_inline int site_eval_return(struct pt_regs *ctx, __u64 cookie)
{
	__u64 value = PT_REGS_RC(ctx);
	struct scry_at at;
	bool failed, old;

	barrier_var(value);
	if (PYTHON_COOKIE_VALUE(cookie))
		value = register_of(ctx, PYTHON_COOKIE_VALUE(cookie));
	if (cookie & PYTHON_COOKIE_FAILS)
		value = 0;
	failed = !value;
	if ((!failed && plain_leave_eval()) || !at_begin(&at))
		return 0;
	old = python_always_enters_eval(at.slot);
	at.s->event.value = value;
	if (old && (call_switch(at.thread, at.slot) || !at.thread->top))
		call_unknown(&at);
	else if (old)
		leave_or_yield(&at, at.thread->top, failed);
	else if (failed && (!python_current(at.slot) || at.s->walk.error == SCRY_WALK_NOT_STARTED))
		call_reconcile(at.thread, at.s->walk.frame, at.slot);
	at_end(&at);
	return 0;
}

/*
 * _PyEval_EvalFrameDefault(tstate, frame, throwflag), 3.11+: an exception is thrown into a suspended generator, which goes
 * on without passing RESUME. Its caller is the frame that is current: it is not linked to it yet.
 */
static __always_inline int site_eval_throw(struct pt_regs *ctx, __u64 cookie)
{
	__u64 frame = PT_REGS_PARM2(ctx), caller;
	struct scry_at at;

	if (!(int)PT_REGS_PARM3(ctx) || !at_begin(&at))
		return 0;
	caller = python_current(at.slot) ? 0 : at.s->walk.frame;
	if (python_look(frame, at.slot)) {
		count(SCRY_COUNT_UNREADABLE);
	} else if (at.s->here.at > at.s->here.first) { /* otherwise its body never begins */
		at.s->here.caller = caller;
		/* What it had delegated to may be found to be over only now, and has this frame as its caller. */
		at.s->event.unlinked.frame = frame;
		at.s->event.unlinked.caller = caller;
		at.s->event.unlinked.place = at.s->frames[0];
		call_enter(at.thread, at.slot);
	}
	at_end(&at);
	return 0;
}

/* function__entry(file, name, line): the frame is current. */
static __always_inline int site_function_entry(struct pt_regs *ctx, __u64 cookie)
{
	return plain_enter(frame_in(ctx, cookie)) ? 0 : enter_frame(0);
}

/* function__return(file, name, line): the frame is current still; that of a generator which yields is not told apart by the
 * marker, but by itself. */
static __always_inline int site_function_return(struct pt_regs *ctx, __u64 cookie)
{
	struct scry_at at;
	__u64 frame;

	if (plain_leave(frame_in(ctx, cookie), cookie & PYTHON_COOKIE_WATCHED ? PLAIN_PASSED : PLAIN_ASK) || !at_begin(&at))
		return 0;
	frame = at.thread->top;
	if (!python_still(at.thread->state, frame, at.slot)) {
		frame = python_current(at.slot) ? 0 : at.s->walk.frame;
		at.thread->state = at.s->walk.state;
	}
	if (frame)
		leave_or_yield(&at, frame, python_raised(at.slot));
	else
		count(SCRY_COUNT_UNREADABLE);
	at_end(&at);
	return 0;
}

/*
 * PyTraceBack_Here(frame object): an exception passes this frame, so every deeper one is gone; and an exception without a
 * traceback has just been raised.
 */
static __always_inline int site_traceback(struct pt_regs *ctx, __u64 cookie)
{
	struct scry_at at;
	__u64 frame;

	if (!at_begin(&at))
		return 0;
	frame = python_frame_of(PT_REGS_PARM1(ctx), at.slot);
	if (config.events & 1u << SCRY_EVENT_CALL) {
		call_reconcile(at.thread, frame, at.slot);
		call_passed(at.thread, frame, PT_REGS_PARM1(ctx), at.slot);
	}
	if (config.events & 1u << SCRY_EVENT_EXCEPTION)
		exception_tell(at.thread, frame, at.slot);
	at_end(&at);
	return 0;
}

/* Not to be done anything at: that it is attached is enough. */
static __always_inline int site_line_path(struct pt_regs *ctx, __u64 cookie)
{
	return 0;
}

/* ---- counting alone ---- */

/* As python_look(); *thrown: to 3.10 a generator is entered so that an exception is raised in it. */
static __always_inline int look_for_count(struct scry_at *at, __u64 frame, bool *thrown)
{
	int err;

	if (frame)
		return python_look(frame, at->slot);
	err = python_current(at->slot);
	if (err)
		return err;
	at->thread->state = at->s->walk.state;
	*thrown = python_raised(at->slot);
	return python_look(at->s->walk.frame, at->slot);
}

/* What is known of an entry where the probe is. */
struct entry {
	__u64 frame;	   /* 0: the current one */
	__u64 code;	   /* address of its code object, */
	__u64 instruction; /* and of the RESUME that is executed; 0: not known */
	bool resume;	   /* one is */
	bool thrown;	   /* an exception is to be raised in it */
};

/* Where a generator is closed before it began, that is no call. */
static __always_inline int count_entry(struct entry *entry)
{
	struct scry_at at;

	if (plain_count(entry->frame, entry->code, entry->instruction) || !at_begin(&at))
		return 0;
	if (look_for_count(&at, entry->frame, &entry->thrown))
		count(SCRY_COUNT_UNREADABLE);
	else if (!python_moves_to(entry->instruction, at.slot) && !python_creates(entry->instruction, at.slot) &&
		 !(entry->thrown && at.s->here.generator && at.s->here.at <= at.s->here.first))
		call_count(at.thread, at.slot, entry->instruction, entry->resume);
	at_end(&at);
	return 0;
}

static __always_inline int count_call(struct pt_regs *ctx, __u64 cookie)
{
	__u64 first = PT_REGS_PARM1(ctx), second = PT_REGS_PARM2(ctx), third = PT_REGS_PARM3(ctx);
	bool thread_first = cookie & PYTHON_COOKIE_THREAD_FIRST;
	struct entry entry = {};

	barrier_var(first);
	barrier_var(second);
	barrier_var(third);
	switch (RUNTIME_COOKIE_SITE(cookie)) {
	case RUNTIME_SITE_eval_entry:
		entry.frame = thread_first ? second : first;
		entry.thrown = (int)(thread_first ? third : second);
		break;
	case RUNTIME_SITE_resume:
		entry.resume = true;
		entry.frame = frame_in(ctx, cookie);
		entry.instruction = register_of(ctx, PYTHON_COOKIE_INSTR(cookie));
		break;
	case RUNTIME_SITE_function_entry: /* whether one is thrown has to be asked, so the frame is looked for */
		entry.code = register_of(ctx, PYTHON_COOKIE_CODE(cookie));
		break;
	default:
		return 0;
	}
	return count_entry(&entry);
}

SEC("uprobe")
int on_call(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);

	if (config.count_only)
		return count_call(ctx, cookie);
	if (!(config.events & 1u << SCRY_EVENT_CALL)) /* then exceptions are wanted: the rest need not be verified */
		return site_traceback(ctx, cookie);
	switch (RUNTIME_COOKIE_SITE(cookie)) {
#define X(name) case RUNTIME_SITE_##name: return site_##name(ctx, cookie);
	RUNTIME_CALL_SITES(X)
#undef X
	}
	return 0;
}
