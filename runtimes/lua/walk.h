/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stack of a thread that runs Lua (5.1 to 5.5), written once for BPF and the host. Who includes this defines, beside what
 * runtimes/walk.h asks for,
 *
 *     __u32 lua_code(struct scry_scratch *s, void *known, __u32 kind, __u64 address)	id of a function; of kind LUA_KIND_PROTO it
 *											is in s->raw. 0: s->walk.error is set
 *     void lua_look(const struct lua_layout *l, struct scry_scratch *s, __u64 value)	lua_consider(), looked at by the verifier
 *											only once
 *
 * Nothing that a stripped binary publishes leads to the lua_State that runs, but every function of the interpreter has it in a
 * register or on its C stack. So has whatever resumed it, and much that is dead. Told apart they are by the record of the innermost
 * protected call (L->errorJmp, set in luaD_rawrunprotected, ldo.c), which lies on the C stack of the thread that runs the
 * state: a suspended or finished coroutine has none. Of those that have one, the innermost is the one that runs, and the
 * others, in order, resumed it.
 */
#ifndef SCRY_LUA_WALK_H
#define SCRY_LUA_WALK_H

#include "state.h"

#define lua_inline static inline __attribute__((always_inline))

#define LUA_TAG_FUNCTION 6  /* LUA_TFUNCTION (5.1) */
#define LUA_TAG_LCLOSURE 70 /* what a stack slot says (5.2+): lobject.h, collectable */
#define LUA_TAG_CCLOSURE 102
#define LUA_TAG_CFUNCTION 22
#define LUA_STATE_TOP 16    /* offset of L->top in all versions */
#define LUA_STRING_TAG 8
#define LUA_ISC 10	    /* offset of isC in a closure (5.1) */
#define LUA_SLACK (64 * 16) /* bytes that top may be above stack_last: EXTRA_STACK and more */

#define JIT_STATE_TOP 40
#define JIT_CFRAME	(~3ULL) /* bits that are no part of the address: lj_frame.h */

#define LUA_SCAN_BYTES 512   /* of the C stack looked at at a time */
#define LUA_SCAN_NEAR  4096  /* a lua_State that runs is found within these */
#define LUA_SCAN_FAR   16384 /* those that resumed it within these */
#define LUA_MAX_ADDRESS (1ULL << 47)

#define LUA_U64(s, field) (*(__u64 *)((s)->raw + ((field) & 0xf8)))
#define LUA_U32(s, field) (*(__u32 *)((s)->raw + ((field) & 0xfc)))
#define LUA_U16(s, field) (*(__u16 *)((s)->raw + ((field) & 0xfe)))
#define LUA_U8(s, field)  ((s)->raw[(field) & 0xff])

/* What makes a lua_State in s->raw a candidate. */
struct lua_candidate {
	__u64 global, jump;
};

/* Is the lua_State in s->raw one that runs or waits for what it resumed? */
lua_inline bool lua_is_live(const struct lua_layout *l, struct scry_scratch *s, __u64 state, struct lua_candidate *ret)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 ci = LUA_U64(s, l->state_ci), last = LUA_U64(s, l->state_stack_last);
	__u64 top = LUA_U64(s, l->jit ? JIT_STATE_TOP : LUA_STATE_TOP);
	__u64 base = l->base_ci_points ? LUA_U64(s, l->state_base_ci) : state + l->state_base_ci;

	ret->global = LUA_U64(s, l->state_global);
	ret->jump = LUA_U64(s, l->state_errorJmp);
	if (l->jit)
		ret->jump &= JIT_CFRAME; /* of LuaJIT it is the interpreter's frame on the C stack, L->cframe */
	if (LUA_U8(s, l->state_tag) != l->thread_tag || LUA_U8(s, l->state_status) || ci == base || !ci)
		return false;
	if (l->jit && !ret->jump)
		return false;
	if (!ret->global || ret->global & 7 || LUA_U64(s, l->state_stack) > top || top > last + LUA_SLACK)
		return false;
	if (!ret->jump)
		ret->jump = ~0ULL;
	else if (ret->jump < w->sp || (w->limit && ret->jump >= w->limit))
		return false;
	return true;
}

lua_inline void lua_add(struct lua_walk *w, __u64 state, __u64 jump)
{
	__u32 n = w->live_count;

	for (__u32 i = 0; i < LUA_MAX_LIVE; i++)
		if (i < n && w->live[i].state == state)
			return;
	if (n >= LUA_MAX_LIVE) {
		w->missed++;
		return;
	}
	w->live[n & (LUA_MAX_LIVE - 1)].state = state;
	w->live[n & (LUA_MAX_LIVE - 1)].jump = jump;
	w->live_count = n + 1;
}

/* The main thread of a global_State, if both point to each other. It may be live too, which ends the search where its frames begin. */
lua_inline bool lua_meet_global(const struct lua_layout *l, struct scry_scratch *s, __u64 global, __u64 state)
{
	struct lua_walk *w = LUA_WALK(s);
	struct lua_candidate main_thread;
	__u64 main = l->main_inside ? global + l->global_mainthread : walk_pointer(global + l->global_mainthread);

	if (!main || main & 7)
		return false;
	if (main != state) {
		if (walk_read(s->raw, l->state_bytes & 255, main) || LUA_U8(s, l->state_tag) != l->thread_tag ||
		    LUA_U64(s, l->state_global) != global)
			return false;
		if (lua_is_live(l, s, main, &main_thread)) {
			lua_add(w, main, main_thread.jump);
			if (w->until < w->sp + LUA_SCAN_FAR)
				w->until = w->sp + LUA_SCAN_FAR;
		}
	}
	w->global = global;
	w->main = main;
	return true;
}

/* May this word be a lua_State? Then it is looked at, and entered if it is live. */
lua_inline void lua_consider(const struct lua_layout *l, struct scry_scratch *s, __u64 state)
{
	struct lua_walk *w = LUA_WALK(s);
	struct lua_candidate found;
	__u32 bytes = l->state_bytes;

	if (bytes > RAW_BYTES || walk_read(s->raw, bytes, state) || !lua_is_live(l, s, state, &found))
		return;
	if (found.global != w->global && !lua_meet_global(l, s, found.global, state))
		return;
	lua_add(w, state, found.jump);
}

lua_inline bool lua_may_be_state(const struct lua_walk *w, __u64 value)
{
	if (value & 7 || value < 65536 || value >= LUA_MAX_ADDRESS || value - w->sp < LUA_SCAN_FAR)
		return false;
	return value != w->live[0].state && value != w->live[1].state;
}

/* The jump after `jump`, of all found; ~0 too, after the others. 0: no more. */
lua_inline __u64 lua_next_jump(const struct lua_walk *w, __u64 jump, __u64 *state)
{
	__u64 best = 0;

	for (__u32 i = 0; i < LUA_MAX_LIVE; i++) {
		const struct lua_live *live = &w->live[i];

		if (i < w->live_count && live->jump > jump && (!best || live->jump < best)) {
			best = live->jump;
			*state = live->state;
		}
	}
	return best;
}

/* Have all that can be live been seen? Nothing that runs is older than the record of the innermost one found; where the main thread
 * waits, what it resumed is newer than its own. */
lua_inline bool lua_search_over(const struct lua_walk *w)
{
	__u64 last = 0;
	bool main = false;

	if (w->at >= w->until || (w->limit && w->at >= w->limit))
		return true;
	for (__u32 i = 0; i < LUA_MAX_LIVE; i++) {
		if (i >= w->live_count)
			break;
		main |= w->live[i].state == w->main;
		if (w->live[i].jump > last)
			last = w->live[i].jump;
	}
	return main && w->at > last;
}

/* Look at the next words of the C stack. True when the search is over. */
lua_inline bool lua_scan_on(const struct lua_layout *l, struct scry_scratch *s)
{
	struct lua_walk *w = LUA_WALK(s);

	if (lua_search_over(w) || walk_read(s->window, LUA_SCAN_BYTES, w->at))
		return true;
	for (int i = 0; i < LUA_SCAN_BYTES / 8; i++) {
		__u64 value = ((__u64 *)s->window)[i];

		if (lua_may_be_state(w, value))
			lua_look(l, s, value);
	}
	w->at += LUA_SCAN_BYTES;
	return false;
}

/* Begin with a thread's registers. `sp`: its stack pointer in user mode. */
lua_inline void lua_begin(struct scry_scratch *s, __u64 sp)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 thread = s->walk.thread;

	__builtin_memset(w, 0, sizeof(*w));
	w->sp = sp;
	w->at = sp & ~7ULL;
	w->until = w->at + LUA_SCAN_NEAR;
	/* The C library keeps its own part of a thread at the end of its stack, but for the first thread's. */
	w->limit = thread > sp ? thread : 0;
	w->top = 1;
}

/* Put a frame behind those that are there. */
lua_inline void lua_put(struct scry_scratch *s, __u32 id, __s32 at)
{
	__u32 n = s->walk.count;

	if (!id)
		return; /* the error is set */
	if (n >= s->walk.max_stack || n >= SCRY_MAX_STACK) {
		s->walk.error = SCRY_WALK_TRUNCATED;
		return;
	}
	s->frames[n].code = id;
	s->frames[n].at = at;
	s->walk.count = n + 1;
}

#include "jit.h"

/* Go on with the next state: that which resumed the last one. */
lua_inline bool lua_enter_state(const struct lua_layout *l, struct scry_scratch *s)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 state = 0;

	w->jump = lua_next_jump(w, w->jump, &state);
	w->state = state;
	s->walk.frame = 0;
	if (!w->jump)
		return false;
	if (walk_read(s->raw, l->state_bytes & 255, state)) {
		s->walk.error = SCRY_WALK_STATE_FAULT;
		return false;
	}
	if (l->jit)
		return jit_enter_state(l, s);
	s->walk.frame = LUA_U64(s, l->state_ci);
	w->base_ci = l->base_ci_points ? LUA_U64(s, l->state_base_ci) : state + l->state_base_ci;
	return s->walk.frame != 0;
}

/* The search is over: go to the innermost state. 0: this thread runs no Lua. */
lua_inline __u64 lua_found(const struct lua_layout *l, struct scry_scratch *s)
{
	if (lua_enter_state(l, s))
		return s->walk.frame;
	if (!s->walk.error)
		s->walk.error = SCRY_WALK_NO_THREAD_STATE;
	return 0;
}

/* What a CallInfo calls. */
struct lua_call {
	__u64 previous, saved;
	__u64 callee; /* Proto, or C function */
	__u32 status, tailcalls;
	bool is_c;
};

lua_inline bool lua_read_call(const struct lua_layout *l, struct scry_scratch *s, __u64 ci, struct lua_call *ret)
{
	__u64 value[2], func;
	__u8 tag;

	if (walk_read(s->raw, l->ci_size & 127, ci))
		return false;
	func = LUA_U64(s, l->ci_func);
	ret->previous = l->ci_previous ? LUA_U64(s, l->ci_previous) : ci - l->ci_size;
	ret->saved = LUA_U64(s, l->ci_savedpc);
	ret->tailcalls = l->ci_tailcalls ? LUA_U32(s, l->ci_tailcalls) : 0;
	ret->status = l->status_bytes == 4 ? LUA_U32(s, l->ci_callstatus) :
		      l->status_bytes == 2 ? LUA_U16(s, l->ci_callstatus) :
		      l->status_bytes	   ? LUA_U8(s, l->ci_callstatus) : 0;
	if (walk_read(value, sizeof(value), func))
		return false;
	tag = value[1];
	ret->callee = value[0];
	ret->is_c = tag == LUA_TAG_CFUNCTION;
	if (ret->is_c && l->status_bytes)
		return true;
	ret->is_c = tag == LUA_TAG_CCLOSURE;
	if (l->status_bytes ? tag != LUA_TAG_LCLOSURE && !ret->is_c : tag != LUA_TAG_FUNCTION)
		return false;
	if (walk_read(s->raw, (l->closure_p + 8) & 63, value[0]))
		return false;
	ret->callee = LUA_U64(s, l->closure_p);
	if (!l->status_bytes)
		ret->is_c = LUA_U8(s, LUA_ISC);
	return true;
}

/* A slot of the stack may be overwritten already while its function returns: does the CallInfo say the same? */
lua_inline bool lua_call_agrees(const struct lua_layout *l, const struct lua_call *call)
{
	if (l->status_lua)
		return !(call->status & l->status_lua) == call->is_c;
	return !l->status_c || !(call->status & l->status_c) == !call->is_c;
}

/* Byte offset of the instruction in the function in s->raw; -2: it is none of its own. */
#define LUA_AT_FOREIGN (-2)
lua_inline __s32 lua_at(const struct lua_layout *l, struct scry_scratch *s, __u64 pc)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 code = LUA_U64(s, l->proto_code), bytes = 4 * (__u64)LUA_U32(s, l->proto_sizecode);

	if (w->top && l->pc_in_register) /* pc points behind the instruction that runs */
		for (int i = 0; i < LUA_SAVED; i++)
			if (w->saved[i] - code - 4 < bytes && !(w->saved[i] & 3)) {
				pc = w->saved[i];
				break;
			}
	if (pc == code)
		return SCRY_AT_NONE;
	return pc - code - 4 < bytes && bytes < 1U << 30 ? (__s32)(pc - code - 4) : LUA_AT_FOREIGN;
}

/* Take the frame of a Lua function; false: what is there is not one, yet or any more. */
lua_inline bool lua_take_proto(const struct lua_layout *l, struct scry_scratch *s, void *known, const struct lua_call *call)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 pc = call->saved;
	__s32 at;

	if (w->top && l->state_savedpc)
		pc = walk_pointer(w->state + l->state_savedpc);
	if (walk_read(s->raw, l->proto_bytes & 255, call->callee))
		return false;
	at = lua_at(l, s, pc);
	if (at == LUA_AT_FOREIGN && pc != call->saved) /* 5.1: what it called has just returned, and its pc is still there */
		at = lua_at(l, s, call->saved);
	if (at == LUA_AT_FOREIGN)
		return false;
	lua_put(s, lua_code(s, known, LUA_KIND_PROTO, call->callee), at);
	return true;
}

/* Did C enter the interpreter by this Lua function? */
lua_inline bool lua_is_entry(const struct lua_layout *l, const struct lua_call *call)
{
	if (l->status_lua ? !(call->status & l->status_lua) : !l->status_c || call->status & l->status_c)
		return false;
	return l->status_fresh ? call->status & l->status_fresh : l->status_reentry && !(call->status & l->status_reentry);
}

/* 5.2: the innermost frame is linked before it is said that C had no part in it; then it has run nothing yet. */
lua_inline bool lua_is_entering(const struct lua_layout *l, struct scry_scratch *s)
{
	__u32 last = s->walk.count - 1;

	return l->status_reentry && last < SCRY_MAX_STACK && s->frames[last].at == SCRY_AT_NONE;
}

/* Said of the frame that was just taken, or of none where that was dropped. */
lua_inline void lua_count_entry(struct scry_scratch *s, bool taken)
{
	__u32 last = s->walk.count - 1;

	if (!taken)
		s->walk.entries += s->walk.entries < SCRY_ENTRIES_MAX;
	else if (last < SCRY_MAX_STACK && s->frames[last].code >> SCRY_ENTRIES_SHIFT < SCRY_ENTRIES_MAX)
		s->frames[last].code += SCRY_CODE_IDS;
}

/* Take the frame at `ci`; the one below, or 0. An error ends the walk. */
lua_inline __u64 lua_frame(const struct lua_layout *l, struct scry_scratch *s, void *known, __u64 ci)
{
	struct lua_walk *w = LUA_WALK(s);
	struct lua_call call = {};
	bool taken = lua_read_call(l, s, ci, &call) && lua_call_agrees(l, &call);

	if (taken && !w->top && call.status & (l->status_finalizer | l->status_hooked))
		lua_put(s, lua_code(s, known, call.status & l->status_hooked ? LUA_KIND_HOOK : LUA_KIND_FINALIZER, 0),
			SCRY_AT_NONE);
	if (taken && call.is_c)
		lua_put(s, lua_code(s, known, LUA_KIND_C, call.callee), SCRY_AT_NONE);
	else if (taken)
		taken = lua_take_proto(l, s, known, &call);
	if (walk_counts_entries() && lua_is_entry(l, &call) && !(taken && w->top && lua_is_entering(l, s)))
		lua_count_entry(s, taken);
	if (!taken && !w->top)
		s->walk.error = SCRY_WALK_BAD_CODE;
	w->top = 0;
	if (!s->walk.error && taken && (call.status & l->status_tail || (!call.is_c && call.tailcalls)))
		lua_put(s, lua_code(s, known, LUA_KIND_TAIL, 0), SCRY_AT_NONE);
	return s->walk.error ? 0 : call.previous;
}

/* Take the next frame, or go on with the next state. True when the walk is over. */
lua_inline bool lua_walk_on(const struct lua_layout *l, struct scry_scratch *s, void *known)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 ci = s->walk.frame;

	if (!ci)
		return true;
	if (l->jit ? ci > w->base_ci : ci != w->base_ci) {
		s->walk.frame = l->jit ? jit_frame(l, s, known, ci) : lua_frame(l, s, known, ci);
		return false;
	}
	if (w->state != w->main)
		lua_put(s, lua_code(s, known, LUA_KIND_COROUTINE, 0), SCRY_AT_NONE);
	if (s->walk.error || !lua_enter_state(l, s))
		s->walk.frame = 0;
	return false;
}

#endif
