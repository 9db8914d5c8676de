/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * LuaJIT 2.1 with 64-bit references (LJ_GC64, x86-64): its frames, part of walk.h. The lua_State is found as in Lua, by the frame that
 * the interpreter has on the C stack for it (L->cframe, lj_frame.h). Facts from lj_obj.h, lj_frame.h, lj_debug.c, vm_x64.dasc.
 */
#ifndef SCRY_LUA_JIT_H
#define SCRY_LUA_JIT_H

/* Of lua_State, GCfunc, GCproto, GCtrace: the same in all releases of 2.1 with LJ_GC64. */
#define JIT_STATE_BASE	   32
#define JIT_STATE_MAXSTACK 48
#define JIT_TYPE	   9 /* gct */
#define JIT_TYPE_FUNC	   8
#define JIT_TYPE_PROTO	   7
#define JIT_TYPE_TRACE	   9
#define JIT_FUNC_FFID	   10 /* 0: a Lua function; 1: one in C; else the number of one in the library */
#define JIT_FUNC_PC	   32
#define JIT_FUNC_C	   40
#define JIT_FUNC_BYTES	   48
#define JIT_PROTO_SIZEBC   12
#define JIT_PROTO_BYTES	   104 /* the bytecode follows */
#define JIT_PROTO_K	   32  /* constants of objects lie before where it points */
#define JIT_PROTO_SIZEKGC  48
#define JIT_PROTO_SIZEPT   56 /* of all of it: bytecode, constants, debug information */
#define JIT_PROTO_SIZEUV   60
#define JIT_PROTO_CHUNK	   64
#define JIT_PROTO_LINE	   72
#define JIT_PROTO_LINES	   76
#define JIT_PROTO_LINEINFO 80
#define JIT_PROTO_UVINFO   88
#define JIT_TRACE_STARTPT  64
#define JIT_TRACE_STARTPC  72
#define JIT_TRACE_BYTES	   112
#define JIT_MAX_TRACE	   65535
#define JIT_CFRAME_PC	   24 /* SAVE_PC in the interpreter's C frame */
#define JIT_REFERENCE	   ((1ULL << 47) - 1)

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

/* The trace that runs. */
lua_inline __u64 jit_trace_of(const struct lua_layout *l, const struct lua_walk *w)
{
	return walk_pointer(walk_pointer(w->global + l->jit_trace) + 8 * (__u64)(__u32)w->vmstate);
}

/* Where the innermost state's frames begin: in the interpreter a register knows, in machine code the global state, else L->base. */
lua_inline __u64 jit_base(const struct lua_layout *l, struct scry_scratch *s)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 base = walk_pointer(w->global + l->jit_base);

	walk_read(&w->vmstate, sizeof(w->vmstate), w->global + l->jit_vmstate);
	if (w->vmstate >= 0 && w->vmstate <= JIT_MAX_TRACE && base) { /* it is somewhere behind the trace's first instruction */
		w->pc = walk_pointer(jit_trace_of(l, w) + JIT_TRACE_STARTPC) + 4;
		return base;
	}
	if (w->vmstate == JIT_GC && base)
		return base;
	if (jit_is_at(s, w->dx, w->bx)) {
		w->pc = w->bx;
		return w->dx;
	}
	w->pc = walk_pointer(w->jump + JIT_CFRAME_PC);
	return LUA_U64(s, JIT_STATE_BASE);
}

/* s->raw is the lua_State. */
lua_inline bool jit_enter_state(const struct lua_layout *l, struct scry_scratch *s)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 stack = LUA_U64(s, l->state_stack), last = LUA_U64(s, JIT_STATE_MAXSTACK), base;

	w->pc = 0;
	w->skip = 0;
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
	struct lua_walk *w = LUA_WALK(s);
	__u64 trace;

	if (w->vmstate < 0 || w->vmstate > JIT_MAX_TRACE)
		return;
	trace = jit_trace_of(l, w);
	if (!walk_read(s->raw, JIT_TRACE_BYTES, trace) && LUA_U8(s, JIT_TYPE) == JIT_TYPE_TRACE)
		lua_put(s, lua_code(s, known, LUA_KIND_TRACE, trace), SCRY_AT_NONE);
}

/* A function of any kind; `func` is a GCfunc. */
lua_inline bool jit_function(const struct lua_layout *l, struct scry_scratch *s, void *known, __u64 func)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 pc, f, at = SCRY_AT_NONE;

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
		at = w->pc - pc - 4;
	lua_put(s, lua_code(s, known, LUA_KIND_PROTO, pc - JIT_PROTO_BYTES), at);
	return true;
}

/* Take the frame at `frame`; the one below, or 0. An error ends the walk. */
lua_inline __u64 jit_frame(const struct lua_layout *l, struct scry_scratch *s, void *known, __u64 frame)
{
	struct lua_walk *w = LUA_WALK(s);
	__u64 slot[2], func, link, back;
	__u32 instruction = 0;
	bool top = w->top;

	if (walk_read(slot, sizeof(slot), frame - 8)) {
		s->walk.error = SCRY_WALK_FRAME_FAULT;
		return 0;
	}
	func = slot[0] & JIT_REFERENCE;
	link = slot[1];
	if (top)
		jit_remark(l, s, known);
	if (!w->skip && func != w->state && !jit_function(l, s, known, func))
		s->walk.error = SCRY_WALK_BAD_CODE;
	w->top = 0;
	if (top && !s->walk.error)
		jit_trace(l, s, known);
	if (s->walk.error)
		return 0;
	w->skip = (link & 7) == JIT_FRAME_VARG;
	w->pc = 0;
	if ((link & 3) == JIT_FRAME_LUA) { /* the caller's pc; how far below its frame lies, its instruction says */
		if (walk_read(&instruction, sizeof(instruction), link - 4)) {
			s->walk.error = SCRY_WALK_FRAME_FAULT;
			return 0;
		}
		w->pc = link;
		back = 8 * (2 + (__u64)(instruction >> 8 & 255));
	} else {
		if ((link & 7) == JIT_FRAME_CONT)
			w->pc = walk_pointer(frame - 16);
		back = link & ~7ULL;
	}
	if (!back || back > frame - w->base_ci) {
		s->walk.error = SCRY_WALK_BAD_CODE;
		return 0;
	}
	return frame - back;
}

#endif
