/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stack of a thread that runs Lua (5.1 to 5.5), written once for BPF and the host. Who includes this defines, beside what
 * runtimes/walk.h asks for,
 *
 *     __u32 lua_code(struct scry_scratch *s, void *known, __u32 kind, __u64 address)	id of a function; of kind LUA_KIND_PROTO it
 *											is in s->raw. 0: s->walk.error is set
 *     void lua_look(const struct lua_layout *l, struct scry_scratch *s, __u64 value)	lua_consider(), looked at by the verifier
 *											only once
 *     void lua_find_owner(struct scry_scratch *s, __u64 record)	lua_owner_look(), then lua_owner_is() of all that are live, likewise; if
 *								none is, LUA_WALK(s)->unsure
 *     void jit_unfold_on(struct scry_scratch *s, __u64 frame)	jit_unfold(), likewise; and jit_entry(), jit_inlined(), of which it is made:
 *     bool jit_entry_on(struct scry_scratch *s, __u32 i)
 *     bool jit_inlined_on(struct scry_scratch *s)
 *     bool lua_place_known(struct scry_scratch *s, void *known, __u64 pc, struct lua_place *ret)	of lua_place_keep()
 *     void lua_place_keep(struct scry_scratch *s, void *known, __u64 pc, const struct lua_place *place)
 *
 * A frame that waits for what it called says by its instruction which function it is: no two have instructions at one place, and none
 * that has run can get another's place while no new functions are made. So what an instruction tells is kept, until a probe where
 * new functions come from says that there are some; where there is none, for one walk.
 */
#ifndef SCRY_LUA_WALK_H
#define SCRY_LUA_WALK_H

#include "raw.h"
#include "search.h"

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

/* ---- several CallInfos and slots are read at once: they lie near each other ---- */

#define LUA_CALL_U64(s, at, field) (*(__u64 *)((s)->window + (((at) + (field)) & (LUA_HALF - 8))))
#define LUA_CALL_U32(s, at, field) (*(__u32 *)((s)->window + (((at) + (field)) & (LUA_HALF - 4))))
#define LUA_CALL_U16(s, at, field) (*(__u16 *)((s)->window + (((at) + (field)) & (LUA_HALF - 2))))
#define LUA_CALL_U8(s, at, field)  ((s)->window[((at) + (field)) & (LUA_HALF - 1)])

/* A CallInfo; where the one before it was near, with what lies below it in its page, where its caller's will be. *at: its place in
 * s->window. */
lua_inline bool lua_window_call(const struct lua_layout *l, struct scry_scratch *s, __u64 ci, __u32 *at)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 page = ci & ~4095ULL, from = ci, bytes = l->ci_size & 127;

	*at = ci - w->calls_from;
	if (ci >= w->calls_from && ci - w->calls_from + bytes <= w->calls_bytes)
		return true;
	if (!l->ci_previous || w->calls_from - ci < LUA_HALF)
		from = ci + bytes - LUA_HALF;
	if (from < page || from > ci)
		from = page;
	bytes += ci - from;
	w->calls_from = w->calls_bytes = 0;
	if (ci & 7 || bytes > LUA_HALF || walk_read(s->window, bytes, from))
		return false;
	w->calls_from = from;
	w->calls_bytes = bytes;
	*at = ci - from;
	return true;
}

/* Two words of Lua's stack; those below lie before them. */
lua_inline bool lua_window_slot(struct scry_scratch *s, __u64 address, __u64 value[2])
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 from, bytes;
	__u32 at;

	if (address < w->slots_from || address - w->slots_from + 16 > w->slots_bytes) {
		from = address + 16 - LUA_HALF;
		if (from < w->stack || from > address)
			from = w->stack <= address ? w->stack : address;
		bytes = address + 16 - from;
		w->slots_from = w->slots_bytes = 0;
		if ((address | from) & 7 || bytes > LUA_HALF || walk_read(s->window + LUA_HALF, bytes, from))
			return false;
		w->slots_from = from;
		w->slots_bytes = bytes;
	}
	at = address - w->slots_from;
	value[0] = *(__u64 *)(s->window + LUA_HALF + (at & (LUA_HALF - 8)));
	value[1] = *(__u64 *)(s->window + LUA_HALF + ((at + 8) & (LUA_HALF - 8)));
	return true;
}

#include "jit.h"

/* Go on with the next state: that which resumed the last one. */
lua_inline bool lua_enter_state(const struct lua_layout *l, struct scry_scratch *s)
{
	struct lua_walk *w = LUA_WALK(s);
	const struct lua_live *live;

	w->jump = lua_next_jump(w, w->jump);
	live = &w->live[w->which & (LUA_MAX_LIVE - 1)];
	w->state = live->state;
	s->walk.frame = 0;
	w->entered = w->resumed = 0;
	if (!w->jump)
		return false;
	w->stack = live->stack;
	if (l->jit)
		return jit_enter_state(l, s);
	s->walk.frame = live->ci;
	w->base_ci = live->base_ci;
	w->saved_pc = live->pc;
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
	__u64 callee; /* what the slot holds: a closure, or a C function; once lua_read_closure() was here: Proto, or C function */
	__u32 status, tailcalls;
	bool is_c, bare; /* bare: the slot holds the C function itself */
};

lua_inline bool lua_read_call(const struct lua_layout *l, struct scry_scratch *s, __u64 ci, struct lua_call *ret)
{
	__u64 value[2];
	__u32 at;
	__u8 tag;

	if (!lua_window_call(l, s, ci, &at))
		return false;
	ret->previous = l->ci_previous ? LUA_CALL_U64(s, at, l->ci_previous) : ci - l->ci_size;
	ret->saved = LUA_CALL_U64(s, at, l->ci_savedpc);
	ret->tailcalls = l->ci_tailcalls ? LUA_CALL_U32(s, at, l->ci_tailcalls) : 0;
	ret->status = l->status_bytes == 4 ? LUA_CALL_U32(s, at, l->ci_callstatus) :
		      l->status_bytes == 2 ? LUA_CALL_U16(s, at, l->ci_callstatus) :
		      l->status_bytes	   ? LUA_CALL_U8(s, at, l->ci_callstatus) : 0;
	if (!lua_window_slot(s, LUA_CALL_U64(s, at, l->ci_func), value))
		return false;
	tag = value[1];
	ret->callee = value[0];
	ret->bare = l->status_bytes && tag == LUA_TAG_CFUNCTION;
	ret->is_c = ret->bare || tag == LUA_TAG_CCLOSURE;
	return l->status_bytes ? ret->is_c || tag == LUA_TAG_LCLOSURE : tag == LUA_TAG_FUNCTION;
}

/* What the closure is made of. In 5.1 it alone says whether it is one of C. */
lua_inline bool lua_read_closure(const struct lua_layout *l, struct scry_scratch *s, struct lua_call *call)
{
	if (call->bare)
		return true;
	if (walk_read(s->raw, (l->closure_p + 8) & 63, call->callee))
		return false;
	call->callee = LUA_U64(s, l->closure_p);
	if (!l->status_bytes)
		call->is_c = LUA_U8(s, LUA_ISC);
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
	struct lua_place place = {};
	__u64 pc = call->saved;
	__s32 at;

	if (w->top && l->state_savedpc)
		pc = w->saved_pc;
	if (walk_read(s->raw, l->proto_bytes & 255, call->callee))
		return false;
	at = lua_at(l, s, pc);
	if (at == LUA_AT_FOREIGN && pc != call->saved) /* 5.1: what it called has just returned, and its pc is still there */
		at = lua_at(l, s, call->saved);
	if (at == LUA_AT_FOREIGN)
		return false;
	place.id = lua_code(s, known, LUA_KIND_PROTO, call->callee);
	place.at = at;
	if (place.id && !w->top && at >= 0)
		lua_place_keep(s, known, pc, &place);
	lua_put(s, place.id, at);
	return true;
}

/* Take the frame of a Lua function that waits for what it called, by its instruction alone. */
lua_inline bool lua_take_place(struct scry_scratch *s, void *known, const struct lua_call *call)
{
	struct lua_place place;

	if (LUA_WALK(s)->top || call->is_c || !lua_place_known(s, known, call->saved, &place))
		return false;
	lua_put(s, place.id, place.at);
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

/* Said of frame `i`; of none where it was dropped: ~0. */
lua_inline void lua_count_entry(struct scry_scratch *s, __u32 i)
{
	if (i == ~0U)
		s->walk.entries += s->walk.entries < SCRY_ENTRIES_MAX;
	else if (i < SCRY_MAX_STACK && s->frames[i].code >> SCRY_ENTRIES_SHIFT < SCRY_ENTRIES_MAX)
		s->frames[i].code += SCRY_CODE_IDS;
}

/* Does this function call the one above by OP_CALL, in which C has no part? */
lua_inline bool lua_calls_itself(const struct lua_layout *l, const struct lua_call *call)
{
	__u32 instruction = 0;

	if (call->is_c || call->status & (l->status_finalizer | l->status_hooked))
		return false;
	return !walk_read(&instruction, sizeof(instruction), call->saved - 4) && (instruction & 63) == LUA_53_OP_CALL;
}

/*
 * 5.3.2 on, before 5.4: luaV_execute itself says that it was entered, also where it goes on with a coroutine that a function deep in it
 * had suspended (unroll, ldo.c). The calls below that one have no part of the C stack any more: this one stands for them, and it is said
 * of the outermost. So whether a function was entered by C is known when its caller is looked at; NULL: it is the outermost.
 */
lua_inline void lua_settle_entry(const struct lua_layout *l, struct scry_scratch *s, const struct lua_call *caller)
{
	struct lua_walk *w = LUA_WALK(s);

	if (!w->entered)
		return;
	if (caller && lua_calls_itself(l, caller))
		w->resumed = 1;
	if (!caller || !w->resumed)
		lua_count_entry(s, w->entered - 1);
	w->entered = 0;
}

/* The frame was just taken, or dropped. */
lua_inline void lua_entries(const struct lua_layout *l, struct scry_scratch *s, const struct lua_call *call, bool taken)
{
	struct lua_walk *w = LUA_WALK(s);

	lua_settle_entry(l, s, call);
	if (!lua_is_entry(l, call) || (taken && w->top && lua_is_entering(l, s)))
		return;
	if (taken && l->status_fresh && l->status_lua)
		w->entered = s->walk.count;
	else
		lua_count_entry(s, taken ? s->walk.count - 1 : ~0U);
}

/* Take the frame at `ci`; the one below, or 0. An error ends the walk. */
lua_inline __u64 lua_frame(const struct lua_layout *l, struct scry_scratch *s, void *known, __u64 ci)
{
	struct lua_walk *w = LUA_WALK(s);
	struct lua_call call = {};
	bool taken = lua_read_call(l, s, ci, &call), placed = false;

	if (taken && !l->status_bytes)
		taken = lua_read_closure(l, s, &call);
	taken = taken && lua_call_agrees(l, &call);

	if (taken && !w->top && call.status & (l->status_finalizer | l->status_hooked))
		lua_put(s, lua_code(s, known, call.status & l->status_hooked ? LUA_KIND_HOOK : LUA_KIND_FINALIZER, 0),
			SCRY_AT_NONE);
	if (taken)
		placed = lua_take_place(s, known, &call);
	if (taken && !placed && l->status_bytes)
		taken = lua_read_closure(l, s, &call);
	if (taken && call.is_c)
		lua_put(s, lua_code(s, known, LUA_KIND_C, call.callee), SCRY_AT_NONE);
	else if (taken && !placed)
		taken = lua_take_proto(l, s, known, &call);
	if (walk_counts_entries())
		lua_entries(l, s, &call, taken);
	if (!taken && !w->top)
		s->walk.error = SCRY_WALK_BAD_CODE;
	w->top = 0;
	if (!s->walk.error && taken && (call.status & l->status_tail || (!call.is_c && call.tailcalls)))
		lua_put(s, lua_code(s, known, LUA_KIND_TAIL, 0), SCRY_AT_NONE);
	return s->walk.error ? 0 : call.previous;
}

/* Do the calls go in circles? (Brent) Of 5.1 and LuaJIT each lies below the one before. */
lua_inline bool lua_is_cycle(struct scry_scratch *s, __u64 ci)
{
	struct scry_walk *walk = &s->walk;

	if (ci == walk->mark) {
		walk->error = SCRY_WALK_FRAME_CYCLE;
		return true;
	}
	if (++walk->steps >= walk->next_mark) {
		walk->mark = ci;
		walk->next_mark = 2 * walk->steps;
	}
	return false;
}

/* Take the next frame, or go on with the next state. True when the walk is over. */
lua_inline bool lua_walk_on(const struct lua_layout *l, struct scry_scratch *s, void *known)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 ci = s->walk.frame;

	if (!ci || (l->ci_previous && lua_is_cycle(s, ci)))
		return true;
	if (l->jit && w->top && w->trace && ci > w->base_ci) {
		if (!w->unfolded)
			jit_unfold_on(s, ci);
		if (jit_take_inlined(l, s, known))
			return s->walk.error;
	}
	if (l->jit ? ci > w->base_ci : ci != w->base_ci) {
		s->walk.frame = l->jit ? jit_frame(l, s, known, ci) : lua_frame(l, s, known, ci);
		return false;
	}
	lua_settle_entry(l, s, NULL);
	if (w->state != w->main)
		lua_put(s, lua_code(s, known, LUA_KIND_COROUTINE, 0), SCRY_AT_NONE);
	if (s->walk.error || !lua_enter_state(l, s))
		s->walk.frame = 0;
	return false;
}

#include "seat.h"

#endif
