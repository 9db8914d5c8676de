// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of Lua functions: the program at their places (runtimes/lua/calls.c), and their pairing.
 *
 * A function returns by a place of its own, and one that a tail call replaces ends there. Errors tell only when they are thrown
 * (luaD_throw): which functions they leave shows at the next event, when the lua_State is back where it was caught. So each event
 * first looks where on Lua's stack the innermost function lies now: calls that lie deeper are over, since the error. A coroutine is
 * suspended and resumed as a whole (struct scry_strand); one that another resumed is above it among the calls of the thread.
 */
#include "account.h"
#include "pairing.h"
#include "registers.h"

#include "../runtimes/lua/cookie.h"

#define LUA_STATUS_YIELD 1 /* lua.h, 5.1 to 5.5; in luaD_precall() of 5.1 it is PCRYIELD, 2 (ldo.h) */
#define PCRYIELD	 2

/* By what a strand is in the table: never by what stands for a frame, for memory may be the one and then the other. */
static __always_inline __u64 strand_key(__u64 state)
{
	return state | 2;
}

static __always_inline struct scry_strand *strand_at(int index)
{
	return (struct scry_strand *)call_at(index);
}

/* Its place may have been given to a call since, or may be free. */
static __always_inline bool is_suspended(const struct scry_strand *strand)
{
	return !strand->code && strand->running && strand->suspended;
}

/* ---- the end ---- */

/* The innermost call of the thread is this one now; 0, or one that is not known: none. */
static __always_inline void set_top(struct scry_at *at, __u64 frame)
{
	struct scry_call *call = frame ? call_find(at, frame) : 0;

	at->thread->top = call ? frame : 0;
	at->thread->depth = call ? call->depth + 1 : 0;
}

static __always_inline void charge(struct scry_at *at, __u64 frame, __u64 ns)
{
	struct scry_call *call = frame ? call_find(at, frame) : 0;

	if (call)
		call->callees += ns;
}

/* How long it ran until `until`. */
static __always_inline __u64 ran_until(const struct scry_call *call, const struct scry_strand *strand, __u64 until)
{
	__u64 total = until - call->since - (strand->waited - call->ran);

	return until > call->since && total < until ? total : 0;
}

/* The call at `index` is over. Where its coroutine is suspended it will never go on, which is counted, but nothing that happens now. */
static __always_inline int end(struct scry_thread *thread, int index, __u32 type, __u32 slot, bool walk)
{
	struct scry_call *call = call_at(index);
	struct scry_strand *strand;
	__u64 until, total, up;
	struct scry_at at;
	__u32 which;
	bool gone;

	if (!call || !at_again(&at, thread, slot))
		return 0;
	which = call->strand;
	strand = strand_at(which);
	if (!strand)
		return 0;
	gone = strand->suspended;
	until = gone ? strand->since : at.now;
	if (type == SCRY_CALL_UNWIND && thread->thrown > call->since && !gone)
		until = thread->thrown;
	total = ran_until(call, strand, until);
	up = call->bottom ? strand->resumer : call->caller;
	if (gone) {
		if (call_index(strand->top, at.instance) == index)
			strand->top = call->bottom ? 0 : call->caller;
	} else {
		charge(&at, up, call->bottom && strand->since > call->since ? until - strand->since : total);
		set_top(&at, up);
	}
	if (strand->running-- <= 1)
		call_remove(which);
	if (config.aggregate && !code_dropped(call->code))
		stat_add(call, type == SCRY_CALL_UNWIND, total, call->callees < total ? call->callees : total);
	at.now = until;
	if (config.stream && !gone)
		call_tell_end(&at, 0, call, type, total, call->callees < total ? total - call->callees : 0,
			      walk ? TELL_LUA : TELL_LUA_BARE);
	call_remove(index);
	return 0;
}

__noinline int lua_end(struct scry_thread *thread, int index, __u32 type, __u32 slot)
{
	return end(thread, index, type, slot, true);
}

/* The same without its callers, for functions from which a walk would be too deep. */
__noinline int lua_end_bare(struct scry_thread *thread, int index, __u32 type, __u32 slot)
{
	return end(thread, index, type, slot, false);
}

/* ---- what errors have left ---- */

/*
 * The innermost call of the thread, if it is over: it lies deeper than the function at s->lua.level (with `reused`: or in the same
 * place, which another has now). -1: it is not.
 */
__noinline int lua_stale(struct scry_thread *thread, __u32 slot, __u32 reused)
{
	struct scry_strand *strand;
	struct scry_call *call;
	struct scry_at at;
	int index, level;

	if (!at_again(&at, thread, slot) || !thread->top)
		return -1;
	index = call_index(thread->top, at.instance);
	call = call_at(index);
	strand = call ? strand_at(call->strand) : 0;
	if (!strand) {
		thread->top = 0;
		return -1;
	}
	if (strand->state == at.s->lua.state)
		level = at.s->lua.level - (reused ? 1 : 0);
	else /* a coroutine that has ended by an error, or one that has resumed this one */
		level = lua_nearest(at.s->walk.binary, slot, strand->state);
	return call->level > level ? index : -1;
}

#define SETTLE_ROUNDS	    64 /* nested three times: more than there can be calls in the table */
#define SETTLED_WITH_STACKS 64 /* of which the callers are told */

__noinline int lua_settle_some(struct scry_thread *thread, __u32 slot, __u32 reused)
{
	for (int i = 0; i < SETTLE_ROUNDS; i++) {
		int index = lua_stale(thread, slot, reused);

		if (index < 0)
			return 0;
		lua_end_bare(thread, index, SCRY_CALL_UNWIND, slot);
	}
	return 1;
}

__noinline int lua_settle_many(struct scry_thread *thread, __u32 slot, __u32 reused)
{
	for (int i = 0; i < SETTLE_ROUNDS; i++)
		if (!lua_settle_some(thread, slot, reused))
			return 0;
	return 1;
}

/* End all calls of the thread that an error has left. */
static __always_inline void settle(struct scry_at *at, bool reused)
{
	for (int i = 0; config.stack && i < SETTLED_WITH_STACKS; i++) {
		int index = lua_stale(at->thread, at->slot, reused);

		if (index < 0)
			break;
		lua_end(at->thread, index, SCRY_CALL_UNWIND, at->slot);
		lua_tell(at);
	}
	for (int i = 0; i < SETTLE_ROUNDS / 2; i++)
		if (!lua_settle_many(at->thread, at->slot, reused))
			break;
	at->thread->thrown = 0;
}

/* ---- coroutines ---- */

/* The lua_State of s->lua suspends itself. */
__noinline int lua_suspend(struct scry_thread *thread, __u32 slot)
{
	struct scry_strand *strand;
	struct scry_call *call;
	struct scry_at at;
	__u64 total;

	if (!at_again(&at, thread, slot))
		return 0;
	call = thread->top ? call_find(&at, thread->top) : 0;
	strand = call ? strand_at(call->strand) : 0;
	if (!strand || strand->state != at.s->lua.state || strand->suspended) /* no call of it is known */
		return 0;
	strand->top = thread->top;
	charge(&at, strand->resumer, at.now - strand->since);
	strand->since = at.now;
	strand->suspended = 1;
	set_top(&at, strand->resumer);
	total = ran_until(call, strand, at.now);
	if (config.stream)
		call_tell_end(&at, 0, call, SCRY_CALL_YIELD, total, call->callees < total ? total - call->callees : 0, TELL_LUA);
	return 0;
}

/* It goes on. */
__noinline int lua_resume(struct scry_thread *thread, int index, __u32 slot)
{
	struct scry_strand *strand = strand_at(index);
	struct scry_call *call;
	struct scry_at at;

	if (!strand || !at_again(&at, thread, slot))
		return 0;
	strand->waited += at.now - strand->since;
	strand->since = at.now;
	strand->suspended = 0;
	strand->resumer = thread->top;
	call = call_find(&at, strand->top);
	set_top(&at, strand->top);
	if (call && config.aggregate)
		stat_resume(stat_of(call->code));
	if (call && config.stream && !config.min_duration_ns)
		call_tell_begin(&at, 0, call, SCRY_AT_NONE, SCRY_CALL_RESUME, TELL_LUA);
	return 0;
}

/* The innermost call of a coroutine that will never go on; -1: none is known. */
__noinline int lua_abandoned(struct scry_thread *thread, int index, __u32 slot)
{
	struct scry_strand *strand = strand_at(index);
	struct scry_at at;

	if (!strand || !is_suspended(strand) || !at_again(&at, thread, slot) || strand->state != at.s->lua.state)
		return -1;
	return call_index(strand->top, at.instance);
}

#define RETIRED (1ULL << 63)

/* Calls that are left of a lua_State before its memory became another's must not be taken for calls of that. */
__noinline int lua_retire(int index, __u64 state)
{
	__u32 way = index & (SCRY_CALL_WAYS - 1), which = (__u32)index / SCRY_CALL_WAYS;
	struct scry_call_set *set = index < 0 ? 0 : bpf_map_lookup_elem(&calls, &which);

	if (set && set->frame[way] == strand_key(state))
		*(volatile __u64 *)&set->frame[way] = strand_key(state) | RETIRED;
	return 0;
}

#define MAX_ABANDONED 64

/*
 * C has entered the interpreter: a coroutine goes on where it was suspended, or by a function that what was suspended calls. Else its
 * lua_State has become another's: then what was running in it is over.
 */
static __always_inline void resume(struct scry_at *at)
{
	int index = call_index(strand_key(at->s->lua.state), at->instance);
	struct scry_strand *strand = strand_at(index);
	bool suspended, another;
	__u64 below;

	if (!strand)
		return;
	suspended = is_suspended(strand);
	below = at->s->lua.fresh ? lua_id_below(at->s->walk.binary, at->slot) : 0;
	another = at->s->lua.fresh && (suspended ? below != strand->top : !below);
	for (int i = 0; another && suspended && i < MAX_ABANDONED; i++) {
		int top = lua_abandoned(at->thread, index, at->slot);

		if (top < 0)
			break;
		lua_end(at->thread, top, SCRY_CALL_RETURN, at->slot);
	}
	settle(at, another);
	if (another)
		lua_retire(index, at->s->lua.state);
	else if (suspended)
		lua_resume(at->thread, index, at->slot);
	lua_tell(at);
}

/* ---- the beginning ---- */

/* The strand of s->lua.state; -1: no room. */
static __always_inline int strand_of(struct scry_at *at)
{
	struct scry_strand new = { .instance = at->instance, .state = at->s->lua.state, .resumer = at->thread->top,
				   .since = at->now };
	int index = call_index(strand_key(new.state), at->instance);

	return index < 0 ? call_put(strand_key(new.state), (struct scry_call *)&new) : index;
}

/* What else is known by this frame was not seen to end. */
__noinline int lua_replace(struct scry_thread *thread, __u64 frame, __u32 slot)
{
	struct scry_strand *strand;
	struct scry_call *call;
	struct scry_at at;
	__u64 top;
	int index;

	if (!at_again(&at, thread, slot))
		return 0;
	index = call_index(frame, at.instance);
	call = call_at(index);
	strand = call ? strand_at(call->strand) : 0;
	if (!strand)
		return 0;
	top = thread->top == frame ? 0 : thread->top;
	lua_end(thread, index, strand->suspended ? SCRY_CALL_RETURN : SCRY_CALL_UNWIND, slot);
	set_top(&at, top);
	return 0;
}

__noinline int lua_begin_call(struct scry_thread *thread, __u64 frame, __u32 slot)
{
	struct scry_call new = {}, *call;
	struct scry_strand *strand;
	struct scry_at at;
	int index;

	if (!frame || !at_again(&at, thread, slot))
		return 0;
	index = strand_of(&at);
	strand = strand_at(index);
	if (!strand) {
		count(SCRY_COUNT_UNTRACKED);
		return 0;
	}
	new.code = at.s->lua.code;
	new.instance = at.instance;
	new.caller = thread->top;
	new.since = at.now;
	new.ran = strand->waited;
	new.depth = thread->top ? thread->depth : 0;
	new.strand = index;
	new.bottom = !strand->running;
	new.level = at.s->lua.level;
	call = call_at(call_put(frame, &new));
	if (!call) {
		count(SCRY_COUNT_UNTRACKED);
		if (!strand->running)
			call_remove(index);
		return 0;
	}
	strand->running++;
	thread->top = frame;
	thread->depth = new.depth + 1;
	if (config.stream && !config.min_duration_ns)
		call_tell_begin(&at, 0, call, SCRY_AT_NONE, SCRY_CALL_ENTRY, TELL_LUA);
	return 0;
}

static __always_inline void begin(struct scry_at *at)
{
	__u64 frame = lua_frame_id(at->s->walk.binary, at->slot, at->s->lua.state, at->s->lua.ci);

	lua_tell_naming(at->s->walk.binary, at->slot);
	lua_replace(at->thread, frame, at->slot);
	lua_begin_call(at->thread, frame, at->slot);
	lua_tell(at);
}

/* A tail call ends the call in whose place it is. */
static __always_inline void end_replaced(struct scry_at *at)
{
	int index = lua_stale(at->thread, at->slot, true);

	if (index >= 0)
		lua_end(at->thread, index, SCRY_CALL_RETURN, at->slot);
	lua_tell(at);
}

/* ---- the places ---- */

enum lua_event { LUA_EVENT_NONE, LUA_EVENT_EXECUTES, LUA_EVENT_CALLS, LUA_EVENT_TAIL_CALLS, LUA_EVENT_RETURNS, LUA_EVENT_YIELDS,
		 LUA_EVENT_THROWS };

/* What a probe tells. */
struct lua_happened {
	enum lua_event event;
	enum lua_how how; /* to look at the lua_State */
	__u64 state;
	__u64 ci; /* returns, from 5.2 on: of the function, in place of the lua_State */
};

static __always_inline void suspend(struct scry_at *at)
{
	at->s->lua.below = at->s->lua.caller;
	lua_suspend(at->thread, at->slot);
	lua_tell(at);
}

/* A function begins, or goes on, or it is suspended, or an error is on its way. */
static __always_inline void go_on(struct scry_at *at, const struct lua_happened *h)
{
	bool calls = h->event == LUA_EVENT_CALLS || h->event == LUA_EVENT_TAIL_CALLS;
	int err = lua_look_here(at->s->walk.binary, at->slot, h->state, h->how);

	if (err || (calls && !at->s->lua.fresh)) {
		count(SCRY_COUNT_UNREADABLE);
		return;
	}
	if (h->event == LUA_EVENT_EXECUTES)
		resume(at);
	settle(at, h->event == LUA_EVENT_CALLS || (h->event == LUA_EVENT_EXECUTES && at->s->lua.fresh));
	if (h->event == LUA_EVENT_TAIL_CALLS)
		end_replaced(at);
	if (h->event == LUA_EVENT_YIELDS)
		suspend(at);
	else if (h->event == LUA_EVENT_THROWS)
		at->thread->thrown = at->now;
	else if (at->s->lua.fresh)
		begin(at);
}

static __always_inline void leave(struct scry_at *at, const struct lua_happened *h)
{
	__u64 frame = lua_look_at_end(at->s->walk.binary, at->slot, h->state, h->ci);
	int index = call_index(frame, at->instance);
	struct scry_call *call = call_at(index);
	struct scry_strand *strand = call ? strand_at(call->strand) : 0;

	if (!strand) {
		count(SCRY_COUNT_UNPAIRED);
		return;
	}
	at->s->lua.state = strand->state;
	at->s->lua.level = call->level;
	at->s->lua.returning = call->code;
	settle(at, false);
	at->s->lua.returning = 0;
	lua_end(at->thread, index, SCRY_CALL_RETURN, at->slot);
	lua_tell(at);
}

/* Where the cookie says that it is. */
static __always_inline __u64 told_by(struct pt_regs *ctx, __u64 cookie)
{
	__u64 value = register_of(ctx, LUA_COOKIE_WHICH(cookie));

	return cookie & LUA_COOKIE_MEMORY ? walk_pointer(value + LUA_COOKIE_BYTES(cookie)) : value;
}

/* luaD_precall() has made a frame (5.4: it gives that; before: 0), or has called a C function, which has returned or (5.1) yielded. */
static __always_inline void site_lua_called(struct pt_regs *ctx, __u64 cookie, struct lua_happened *h)
{
	__u64 result = PT_REGS_RC(ctx);
	bool made = cookie & LUA_COOKIE_POINTER ? result != 0 : !(__u32)result;

	if (made)
		h->event = LUA_EVENT_CALLS;
	else if (!(cookie & LUA_COOKIE_POINTER) && (__u32)result == PCRYIELD)
		h->event = LUA_EVENT_YIELDS;
}

/* The same; from 5.4 on by luaD_pretailcall(), which tells a Lua function by a negative number. */
static __always_inline void site_lua_tail_called(struct pt_regs *ctx, __u64 cookie, struct lua_happened *h)
{
	int result = PT_REGS_RC(ctx);

	if (cookie & LUA_COOKIE_POINTER ? result < 0 : !result)
		h->event = LUA_EVENT_TAIL_CALLS;
	else if (!(cookie & LUA_COOKIE_POINTER) && result == PCRYIELD)
		h->event = LUA_EVENT_YIELDS;
}

static __always_inline void site_lua_execute(struct pt_regs *ctx, __u64 cookie, struct lua_happened *h)
{
	h->event = LUA_EVENT_EXECUTES;
	h->state = PT_REGS_PARM1(ctx);
}

static __always_inline void site_lua_return(struct pt_regs *ctx, __u64 cookie, struct lua_happened *h)
{
	h->event = LUA_EVENT_RETURNS;
}

static __always_inline void site_lua_throw(struct pt_regs *ctx, __u64 cookie, struct lua_happened *h)
{
	h->event = (int)PT_REGS_PARM2(ctx) == LUA_STATUS_YIELD ? LUA_EVENT_YIELDS : LUA_EVENT_THROWS;
	h->state = PT_REGS_PARM1(ctx);
}

/* From where the event is to be looked at. */
static __always_inline void find_state(struct pt_regs *ctx, __u64 cookie, struct lua_happened *h)
{
	h->how = h->event == LUA_EVENT_YIELDS || h->event == LUA_EVENT_THROWS ? LUA_HOW_RUNS : LUA_HOW_BEGINS;
	if (h->event == LUA_EVENT_TAIL_CALLS && !(cookie & LUA_COOKIE_POINTER))
		h->how = LUA_HOW_REPLACES;
	if (cookie & LUA_COOKIE_FRAME)
		h->ci = told_by(ctx, cookie);
	else if (LUA_COOKIE_WHICH(cookie))
		h->state = told_by(ctx, cookie);
}

SEC("uprobe")
int on_lua_call(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct lua_happened h = { 0 };
	struct scry_at at;

	switch (RUNTIME_COOKIE_SITE(cookie)) {
#define X(name) case RUNTIME_SITE_##name: site_##name(ctx, cookie, &h); break;
	RUNTIME_LUA_CALL_SITES(X)
#undef X
	}
	if (!h.event || !at_begin(&at))
		return 0;
	find_state(ctx, cookie, &h);
	if (h.event == LUA_EVENT_RETURNS)
		leave(&at, &h);
	else
		go_on(&at, &h);
	at_end(&at);
	return 0;
}
