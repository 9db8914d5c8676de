// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls of Lua functions: the program at their places (runtimes/lua/calls.c).
 *
 * A function returns by a place of its own, and one that a tail call replaces ends there. Errors tell only when they are thrown
 * (luaD_throw): which functions they leave shows at the next event, when the lua_State is back where it was caught. So each event
 * first looks where on Lua's stack the innermost function lies now: calls that lie deeper are over, since the error. A coroutine is
 * suspended and resumed as a whole (struct scry_strand); one that another resumed is above it among the calls of the thread.
 */
#include "account.h"
#include "lua_pairing.h"
#include "registers.h"

#include "../runtimes/lua/cookie.h"

#define LUA_STATUS_YIELD 1 /* lua.h, 5.1 to 5.5; in luaD_precall() of 5.1 it is PCRYIELD, 2 (ldo.h) */
#define PCRYIELD	 2

#define SETTLED_WITH_STACKS 64 /* of which the callers are told */

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
	at->s->lua.returning_tail = call->tail;
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

/* The same; from 5.4.4 on by luaD_pretailcall(), which tells a Lua function by a negative number; in 5.4.0 to 5.4.3 it is only called
 * for one. */
static __always_inline void site_lua_tail_called(struct pt_regs *ctx, __u64 cookie, struct lua_happened *h)
{
	int result = PT_REGS_RC(ctx);

	if (cookie & LUA_COOKIE_MADE || (cookie & LUA_COOKIE_POINTER ? result < 0 : !result))
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
	if (h->event == LUA_EVENT_CALLS)
		h->how = LUA_HOW_CALLED;
	if (h->event == LUA_EVENT_TAIL_CALLS && !(cookie & (LUA_COOKIE_POINTER | LUA_COOKIE_MADE)))
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
