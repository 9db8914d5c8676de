// SPDX-License-Identifier: GPL-2.0-only
/* Frames of Lua looked at one by one, for events of calls. */
#include "at.h"

#include "../runtimes/lua/raw.h"

#define MAX_C_FRAMES 8 /* functions written in C, one called by the other, that are passed on the way to one in Lua */
#define SLOT_BYTES   16 /* of Lua's stack */

static __always_inline const struct scry_lua *lua_at_index(__u32 index)
{
	return bpf_map_lookup_elem(&luas, &index);
}

/* What is needed of a lua_State. */
struct state_seen {
	__u64 ci, base_ci, stack, saved;
	__u8 status;
};

static __always_inline bool state_see(const struct lua_layout *l, struct scry_scratch *s, __u64 state, struct state_seen *ret)
{
	if (!state || walk_read(s->raw, l->state_bytes & 255, state) || LUA_U8(s, l->state_tag) != l->thread_tag)
		return false;
	ret->ci = LUA_U64(s, l->state_ci);
	ret->base_ci = l->base_ci_points ? LUA_U64(s, l->state_base_ci) : state + l->state_base_ci;
	ret->stack = LUA_U64(s, l->state_stack);
	ret->saved = l->state_savedpc ? LUA_U64(s, l->state_savedpc) : 0;
	ret->status = LUA_U8(s, l->state_status);
	return true;
}

/* What is needed of a CallInfo. */
struct ci_seen {
	__u64 func, previous, saved;
	__u32 status;
};

static __always_inline bool ci_see(const struct lua_layout *l, struct scry_scratch *s, __u64 ci, struct ci_seen *ret)
{
	if (walk_read(s->raw, l->ci_size & 127, ci))
		return false;
	ret->func = LUA_U64(s, l->ci_func);
	ret->previous = l->ci_previous ? LUA_U64(s, l->ci_previous) : ci - l->ci_size;
	ret->saved = LUA_U64(s, l->ci_savedpc);
	ret->status = l->status_bytes == 4 ? LUA_U32(s, l->ci_callstatus) :
		      l->status_bytes == 2 ? LUA_U16(s, l->ci_callstatus) :
		      l->status_bytes	   ? LUA_U8(s, l->ci_callstatus) : 0;
	if (l->ci_tailcalls)
		ret->status = LUA_U32(s, l->ci_tailcalls);
	return true;
}

/* The Proto of the closure in a slot of the stack; 0: it is no function in Lua. */
static __always_inline __u64 proto_in(const struct lua_layout *l, __u64 slot)
{
	__u64 value[2];
	__u8 tag;

	if (walk_read(value, sizeof(value), slot))
		return 0;
	tag = value[1];
	if (l->status_bytes)
		return tag == LUA_TAG_LCLOSURE ? walk_pointer(value[0] + l->closure_p) : 0;
	if (tag != LUA_TAG_FUNCTION || walk_read(&tag, 1, value[0] + LUA_ISC) || tag)
		return 0;
	return walk_pointer(value[0] + l->closure_p);
}

/* Is it a function in Lua? That of C which is suspended need not have its function in its slot (5.2, 5.3). */
static __always_inline bool ci_is_lua(const struct lua_layout *l, const struct ci_seen *seen)
{
	if (!l->status_bytes)
		return proto_in(l, seen->func);
	return l->status_lua ? seen->status & l->status_lua : !(seen->status & l->status_c);
}

/* The innermost CallInfo of a function in Lua, from this one on, in *seen; 0: there is none, 1: it cannot be told. */
static __always_inline __u64 innermost(const struct lua_layout *l, struct scry_scratch *s, __u64 ci, __u64 base_ci,
				       struct ci_seen *seen)
{
	for (int i = 0; i < MAX_C_FRAMES; i++) {
		if (!ci || ci == base_ci)
			return 0;
		if (!ci_see(l, s, ci, seen))
			return 1;
		if (ci_is_lua(l, seen))
			return ci;
		ci = seen->previous;
	}
	return 1;
}

static __always_inline __s32 level_of(__u64 func, __u64 stack)
{
	__u64 at = (func - stack) / SLOT_BYTES;

	return at < LUA_LEVEL_UNKNOWN ? (__s32)at : LUA_LEVEL_UNKNOWN;
}

__noinline int lua_nearest(__u32 index, __u32 slot, __u64 state)
{
	const struct scry_lua *lua = lua_at_index(index);
	struct scry_scratch *s = scratch_at(slot);
	struct state_seen seen;
	struct ci_seen call;
	__u64 ci;

	if (!lua || !s || !state_see(&lua->layout, s, state, &seen) || seen.status)
		return -1;
	ci = innermost(&lua->layout, s, seen.ci, seen.base_ci, &call);
	return !ci ? -1 : ci == 1 ? LUA_LEVEL_UNKNOWN : level_of(call.func, seen.stack);
}

/* A function that begins: its CallInfo is the innermost one. */
static __always_inline int look_at_beginning(__u32 index, const struct lua_layout *l, struct scry_scratch *s,
					     const struct state_seen *state, __u32 how)
{
	struct ci_seen call, below;
	__u64 proto;

	if (!ci_see(l, s, state->ci, &call) || (how != LUA_HOW_CALLED && !ci_is_lua(l, &call)))
		return SCRY_WALK_FRAME_FAULT;
	s->lua.ci = state->ci;
	s->lua.below = call.previous;
	s->lua.level = level_of(call.func, state->stack);
	s->lua.plain = how == LUA_HOW_CALLED || !(call.status & (l->ci_tailcalls ? ~0U : l->status_tail));
	if (how == LUA_HOW_REPLACES) {
		if (!ci_see(l, s, call.previous, &below))
			return SCRY_WALK_FRAME_FAULT;
		s->lua.ci = call.previous;
		s->lua.below = below.previous;
		s->lua.level = level_of(below.func, state->stack);
		s->lua.plain = 0;
	}
	proto = proto_in(l, call.func);
	if (!proto)
		return SCRY_WALK_BAD_CODE;
	s->lua.fresh = (l->state_savedpc ? state->saved : call.saved) == walk_pointer(proto + l->proto_code);
	s->lua.code = lua_proto_id(index, s->slot, proto);
	return s->lua.code <= 0 ? -s->lua.code : SCRY_WALK_OK;
}

__noinline int lua_look_here(__u32 index, __u32 slot, __u64 state, __u32 how)
{
	const struct scry_lua *lua = lua_at_index(index);
	struct scry_scratch *s = scratch_at(slot);
	struct state_seen seen;
	struct ci_seen call;

	if (!lua || !s)
		return SCRY_WALK_PENDING;
	if (!state_see(&lua->layout, s, state, &seen))
		return SCRY_WALK_STATE_FAULT;
	s->lua.state = state;
	s->lua.code = 0;
	if (how != LUA_HOW_RUNS)
		return look_at_beginning(index, &lua->layout, s, &seen, how);
	s->lua.ci = innermost(&lua->layout, s, seen.ci, seen.base_ci, &call);
	s->lua.below = s->lua.ci;
	s->lua.caller = s->lua.ci > 1 ? call.previous : 0;
	s->lua.level = !s->lua.ci ? -1 : s->lua.ci == 1 ? LUA_LEVEL_UNKNOWN : level_of(call.func, seen.stack);
	return SCRY_WALK_OK;
}

/* ---- frames' numbers ---- */

#define ID_INDEX_BITS 20
#define ID_MAX_INDEX  0xffff

static __always_inline __u64 frame_id(const struct lua_layout *l, __u64 state, __u64 base_ci, __u64 ci)
{
	__u64 n = (ci - base_ci) / 40; /* sizeof(CallInfo) in 5.1 */

	if (l->ci_previous)
		return ci;
	return n <= ID_MAX_INDEX ? (state >> 3) << ID_INDEX_BITS | n << 4 | 1 : 0;
}

__noinline __u64 lua_frame_id(__u32 index, __u32 slot, __u64 state, __u64 ci)
{
	const struct scry_lua *lua = lua_at_index(index);
	struct scry_scratch *s = scratch_at(slot);
	struct state_seen seen = {};

	if (!lua || !s || (!lua->layout.ci_previous && !state_see(&lua->layout, s, state, &seen)))
		return 0;
	return frame_id(&lua->layout, state, seen.base_ci, ci);
}

__noinline __u64 lua_id_below(__u32 index, __u32 slot)
{
	const struct scry_lua *lua = lua_at_index(index);
	struct scry_scratch *s = scratch_at(slot);
	struct state_seen seen;
	struct ci_seen call;
	__u64 ci;

	if (!lua || !s || !state_see(&lua->layout, s, s->lua.state, &seen))
		return 0;
	ci = innermost(&lua->layout, s, s->lua.below, seen.base_ci, &call);
	return ci > 1 ? frame_id(&lua->layout, s->lua.state, seen.base_ci, ci) : 0;
}

__noinline __u64 lua_look_at_end(__u32 index, __u32 slot, __u64 state, __u64 ci)
{
	const struct scry_lua *lua = lua_at_index(index);
	struct scry_scratch *s = scratch_at(slot);
	struct state_seen seen = {};

	if (!lua || !s || (state && !state_see(&lua->layout, s, state, &seen)))
		return 0;
	if (state)
		ci = seen.ci;
	if (config.stack)
		s->lua.below = lua->layout.ci_previous ? walk_pointer(ci + lua->layout.ci_previous) : ci - lua->layout.ci_size;
	return frame_id(&lua->layout, state, seen.base_ci, ci);
}

/* ---- names ---- */

static __always_inline int tell(struct scry_scratch *s, const struct scry_naming *from)
{
	struct scry_naming naming = *from;

	naming.head.kind = SCRY_RECORD_NAMING;
	naming.head.pid = s->walk.pid;
	naming.head.time = bpf_ktime_get_ns();
	return emit(&naming, sizeof(naming));
}

__noinline int lua_tell_naming(__u32 index, __u32 slot)
{
	const struct scry_lua *lua = lua_at_index(index);
	struct scry_scratch *s = scratch_at(slot);
	struct scry_naming naming = {};
	__u32 which = s ? s->lua.code & (MAX_VERDICTS - 1) : 0;
	__u8 *verdict = bpf_map_lookup_elem(&verdicts, &which);
	struct ci_seen call;
	__u64 proto, code;
	int id;

	if (!lua || !s || !verdict || *verdict & SCRY_VERDICT_NAMED || !s->lua.plain)
		return 0;
	if (!ci_see(&lua->layout, s, s->lua.below, &call) || !ci_is_lua(&lua->layout, &call) ||
	    call.status & (lua->layout.status_finalizer | lua->layout.status_hooked))
		return 0;
	proto = proto_in(&lua->layout, call.func);
	code = walk_pointer(proto + lua->layout.proto_code);
	id = proto ? lua_proto_id(index, slot, proto) : 0;
	if (id <= 0)
		return 0;
	naming.function.code = s->lua.code;
	naming.function.at = SCRY_AT_NONE;
	naming.caller.code = id;
	naming.caller.at = call.saved - code - 4;
	if (!tell(s, &naming))
		*verdict |= SCRY_VERDICT_NAMED;
	return 0;
}

/* ---- stacks ---- */

__noinline int lua_begin_at(__u64 state, __u64 ci, __u32 slot, __u32 above)
{
	struct scry_scratch *s = scratch_at(slot);
	const struct scry_lua *lua = s ? lua_at_index(s->walk.binary) : 0;
	struct state_seen seen;

	if (!lua || !s || ci <= 1 || (LUA_WALK(s)->state != state && !above))
		return 1;
	if (LUA_WALK(s)->state != state) {
		if (!state_see(&lua->layout, s, state, &seen))
			return 1;
		LUA_WALK(s)->state = state;
		LUA_WALK(s)->base_ci = seen.base_ci;
		LUA_WALK(s)->stack = seen.stack;
		LUA_WALK(s)->jump--; /* the one that was found comes next */
		lua_window_forget(s);
	}
	s->walk.frame = ci;
	LUA_WALK(s)->top = 0;
	return 0;
}

/* Put a frame behind the others; `tail`: it took the place of some, which are not known any more. */
static __always_inline void put_frame(struct scry_scratch *s, __u32 code, bool tail)
{
	__u32 n = s->walk.count;
	int mark = tail ? lua_find(s->walk.binary, s->slot, LUA_KIND_TAIL, 0) : 0;

	if (n > 2)
		return;
	s->frames[n].code = code;
	s->frames[n++].at = SCRY_AT_NONE;
	if (mark > 0) {
		s->frames[n].code = mark;
		s->frames[n++].at = SCRY_AT_NONE;
	}
	s->walk.count = n;
}

__noinline int lua_begin_stack(__u32 slot)
{
	struct scry_scratch *s = scratch_at(slot);

	if (!s)
		return 0;
	s->walk.count = 0;
	put_frame(s, s->frames[0].code, s->lua.told.tail);
	if (s->lua.returning)
		put_frame(s, s->lua.returning, s->lua.returning_tail);
	return 0;
}
