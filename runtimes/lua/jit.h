/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * LuaJIT 2.1 with 64-bit references (LJ_GC64, x86-64): its frames, part of walk.h. The lua_State is found as in Lua, by the frame that
 * the interpreter has on the C stack for it (L->cframe, lj_frame.h). Facts from lj_obj.h, lj_frame.h, lj_debug.c, vm_x64.dasc.
 */
#ifndef SCRY_LUA_JIT_H
#define SCRY_LUA_JIT_H

/* ~LJ_VMST_*, lj_vm.h, lj_obj.h; what is not below 0 is the trace that runs. */
enum { JIT_INTERP = -1, JIT_C = -2, JIT_GC = -3, JIT_EXIT = -4, JIT_RECORD = -5, JIT_OPT = -6, JIT_ASM = -7 };

/* Types of frames: the low bits of what stands in a frame's slot (FRAME_*, lj_frame.h). */
enum { JIT_FRAME_LUA, JIT_FRAME_C, JIT_FRAME_CONT, JIT_FRAME_VARG };

/* Is `base` a base on the stack of the lua_State in s->raw, of a Lua function whose bytecode `pc` lies in? */
lua_inline bool jit_is_at(struct scry_scratch *s, __u64 base, __u64 pc)
{
	__u64 func, bytecode = 0;
	__u8 head[16] = {};
	__u32 size = 0;

	if (base & 7 || base <= LUA_U64(s, 56) || base > LUA_U64(s, JIT_STATE_MAXSTACK))
		return false;
	func = walk_pointer(base - 16) & JIT_REFERENCE;
	if (walk_read(head, sizeof(head), func) || head[JIT_TYPE] != JIT_TYPE_FUNC || head[JIT_FUNC_FFID])
		return false;
	bytecode = walk_pointer(func + JIT_FUNC_PC);
	walk_read(&size, sizeof(size), bytecode - JIT_PROTO_BYTES + JIT_PROTO_SIZEBC);
	return pc > bytecode && pc - bytecode <= 4 * (__u64)size;
}

/* What a global_State says of its machine. g->cur_L, the state that runs or ran last, is the member before g->jit_base. */
lua_inline void jit_machine(const struct lua_layout *l, struct lua_walk *w)
{
	__u64 pair[2] = {};

	if (w->machine == w->global)
		return;
	w->machine = w->global;
	w->vmstate = JIT_C;
	walk_read(pair, sizeof(pair), w->global + l->jit_base - 8);
	w->jit_state = pair[0];
	w->jit_base = pair[1];
	walk_read(&w->vmstate, sizeof(w->vmstate), w->global + l->jit_vmstate);
}

lua_inline bool jit_in_trace(const struct lua_walk *w)
{
	return w->vmstate >= 0 && w->vmstate <= JIT_MAX_TRACE && w->jit_base;
}

/* Is it this state that runs, for certain? In machine code it is g->cur_L, and in the interpreter the registers tell. */
lua_inline bool jit_is_inner(const struct lua_layout *l, struct scry_scratch *s, __u64 state)
{
	struct lua_walk *w = LUA_WALK(s);

	jit_machine(l, w);
	if (w->jit_state != state)
		return false;
	return jit_in_trace(w) || (!walk_read(s->raw, l->state_bytes & 255, state) && jit_is_at(s, w->dx, w->bx));
}

/* Where the innermost state's frames begin: in the interpreter a register knows, in machine code the global state, else L->base. */
lua_inline __u64 jit_base(const struct lua_layout *l, struct scry_scratch *s)
{
	struct lua_walk *w = LUA_WALK(s);

	jit_machine(l, w);
	if (jit_in_trace(w)) { /* it is somewhere behind the trace's first instruction */
		w->trace = walk_pointer(walk_pointer(w->global + l->jit_trace) + 8 * (__u64)(__u32)w->vmstate);
		w->pc = walk_pointer(w->trace + JIT_TRACE_STARTPC) + 4;
		return w->jit_base;
	}
	if (w->vmstate == JIT_GC && w->jit_base)
		return w->jit_base;
	if (jit_is_at(s, w->dx, w->bx)) {
		w->pc = w->bx;
		return w->dx;
	}
	w->pc = walk_pointer(w->jump + JIT_CFRAME_PC);
	return LUA_U64(s, JIT_STATE_BASE);
}

lua_inline bool jit_enter_state(const struct lua_layout *l, struct scry_scratch *s)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 stack, last, base;

	if (walk_read(s->raw, l->state_bytes & 255, w->state)) {
		s->walk.error = SCRY_WALK_STATE_FAULT;
		return false;
	}
	stack = LUA_U64(s, l->state_stack);
	last = LUA_U64(s, JIT_STATE_MAXSTACK);
	w->pc = w->owner.func = 0;
	w->skip = w->returns = w->next.id = w->unfolded = w->inlined_count = w->inlined_taken = 0;
	w->base_ci = stack + 8; /* the frame of the thread itself */
	base = w->top ? jit_base(l, s) : LUA_U64(s, JIT_STATE_BASE);
	if (base <= w->base_ci || base > last + LUA_SLACK || base & 7)
		base = w->base_ci + 8;
	s->walk.frame = base - 8;
	return true;
}

/* What the innermost frame tells of the machine that runs it. */
lua_inline void jit_remark(const struct lua_layout *l, struct scry_scratch *s, void *known)
{
	struct lua_walk *w = LUA_WALK(s);
	__s32 state = w->vmstate;

	/* The kinds are in the order of the states. */
	if (state <= JIT_GC && state >= JIT_ASM)
		lua_put(s, lua_code(s, known, LUA_KIND_GC + (JIT_GC - state), 0), SCRY_AT_NONE);
}

/* The trace that runs stands behind the function whose frame is its own. */
lua_inline void jit_trace(const struct lua_layout *l, struct scry_scratch *s, void *known)
{
	__u64 trace = LUA_WALK(s)->trace;

	if (trace && !walk_read(s->raw, JIT_TRACE_BYTES, trace) && LUA_U8(s, JIT_TYPE) == JIT_TYPE_TRACE)
		lua_put(s, lua_code(s, known, LUA_KIND_TRACE, trace), SCRY_AT_NONE);
}

/* A function of any kind; `func` is a GCfunc. */
lua_inline bool jit_function(const struct lua_layout *l, struct scry_scratch *s, void *known, __u64 func)
{
	struct lua_walk *w = LUA_WALK(s);
	struct lua_place place = { .at = SCRY_AT_NONE, .slots = w->slots };
	__u64 pc, f;

	if (walk_read(s->raw, JIT_FUNC_BYTES, func) || LUA_U8(s, JIT_TYPE) != JIT_TYPE_FUNC)
		return false;
	pc = LUA_U64(s, JIT_FUNC_PC);
	f = LUA_U64(s, JIT_FUNC_C);
	if (LUA_U8(s, JIT_FUNC_FFID) == 1) {
		lua_put(s, lua_code(s, known, LUA_KIND_C, f), SCRY_AT_NONE);
		return true;
	}
	if (LUA_U8(s, JIT_FUNC_FFID)) {
		lua_put(s, lua_code(s, known, LUA_KIND_FAST, LUA_U8(s, JIT_FUNC_FFID)), SCRY_AT_NONE);
		return true;
	}
	if (walk_read(s->raw, JIT_PROTO_BYTES, pc - JIT_PROTO_BYTES) || LUA_U8(s, JIT_TYPE) != JIT_TYPE_PROTO)
		return false;
	if (w->pc > pc + 3 && w->pc - pc <= 4 * (__u64)LUA_U32(s, JIT_PROTO_SIZEBC))
		place.at = w->pc - pc - 4;
	place.id = lua_code(s, known, LUA_KIND_PROTO, pc - JIT_PROTO_BYTES);
	if (place.id && w->returns && place.at >= 0)
		lua_place_keep(s, known, w->pc, &place);
	lua_put(s, place.id, place.at);
	return true;
}

/* By `link`, a pc of the caller's, the frame above returns. How far below its frame lies, its call instruction says. */
lua_inline __u64 jit_return(struct scry_scratch *s, void *known, __u64 link)
{
	struct lua_walk *w = LUA_WALK(s);
	__u32 instruction = 0;

	w->pc = link;
	w->returns = 1;
	if (lua_place_known(s, known, link, &w->next)) {
		w->slots = w->next.slots;
	} else {
		w->next.id = 0;
		if (walk_read(&instruction, sizeof(instruction), link - 4)) {
			s->walk.error = SCRY_WALK_FRAME_FAULT;
			return 0;
		}
		w->slots = 2 + (instruction >> 8 & 255);
	}
	return 8 * (__u64)w->slots;
}

/* The function whose frame it is. */
lua_inline void jit_take(const struct lua_layout *l, struct scry_scratch *s, void *known, __u64 func)
{
	struct lua_walk *w = LUA_WALK(s);

	if (w->skip || func == w->state)
		return;
	if (w->next.id)
		lua_put(s, w->next.id, w->next.at);
	else if (!jit_function(l, s, known, func))
		s->walk.error = SCRY_WALK_BAD_CODE;
}

#include "jit_inlined.h"

/* Take the frame at `frame`; the one below, or 0. An error ends the walk. */
lua_inline __u64 jit_frame(const struct lua_layout *l, struct scry_scratch *s, void *known, __u64 frame)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 slot[2], link, back;
	bool top = w->top;

	if (!lua_window_slot(s, frame - 8, slot)) {
		s->walk.error = SCRY_WALK_FRAME_FAULT;
		return 0;
	}
	link = slot[1];
	if (top)
		jit_remark(l, s, known);
	jit_take(l, s, known, top && w->owner.func ? w->owner.func : slot[0] & JIT_REFERENCE);
	w->top = 0;
	if (top && !s->walk.error)
		jit_trace(l, s, known);
	if (s->walk.error)
		return 0;
	w->skip = (link & 7) == JIT_FRAME_VARG;
	w->pc = 0;
	w->returns = w->next.id = 0;
	if ((link & 3) == JIT_FRAME_LUA) {
		back = jit_return(s, known, link);
	} else {
		if ((link & 7) == JIT_FRAME_CONT)
			w->pc = walk_pointer(frame - 16);
		back = link & ~7ULL;
	}
	if (s->walk.error)
		return 0;
	if (!back || back > frame - w->base_ci) {
		s->walk.error = SCRY_WALK_BAD_CODE;
		return 0;
	}
	return frame - back;
}

#endif
