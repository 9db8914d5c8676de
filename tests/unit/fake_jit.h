/* SPDX-License-Identifier: GPL-2.0-only */
/* A trace of LuaJIT in an image of memory: outer() calls middle(), which calls inner(), all in one machine code. */
#ifndef SCRY_TESTS_FAKE_JIT_H
#define SCRY_TESTS_FAKE_JIT_H

#include "fake_lua.h"

#define FAKE_JIT_MCODE	    0x40000000ull
#define FAKE_JIT_BYTES	    0x200
#define FAKE_JIT_INNER	    0x100 /* where the code of inner() begins */
#define FAKE_JIT_INSTRUCTIONS 32
#define FAKE_JIT_CONSTANTS  8

struct fake_jit {
	struct fake_lua lua;
	__u64 trace, ir, snap, map, frame;
	__u64 outer, middle, inner; /* GCfunc */
};

static inline __u64 fake_jit_bytecode(struct fake_jit *j, __u64 func)
{
	__u64 pc = 0;

	image_read(&j->lua.image, &pc, sizeof(pc), func + JIT_FUNC_PC);
	return pc;
}

static inline __u64 fake_jit_function(struct fake_jit *j)
{
	struct image *image = &j->lua.image;
	__u64 proto = image_take(image, JIT_PROTO_BYTES + 4 * FAKE_JIT_INSTRUCTIONS, false), func = image_take(image, 64, false);

	image_put(image, proto + JIT_TYPE, &(__u8){ JIT_TYPE_PROTO }, 1);
	image_u32(image, proto + JIT_PROTO_SIZEBC, FAKE_JIT_INSTRUCTIONS);
	image_put(image, func + JIT_TYPE, &(__u8){ JIT_TYPE_FUNC }, 1);
	image_u64(image, func + JIT_FUNC_PC, proto + JIT_PROTO_BYTES);
	return func;
}

/* Constant `n` (from 1 on) of the trace; its number. */
static inline __u32 fake_jit_constant(struct fake_jit *j, __u32 n, __u64 value)
{
	__u32 number = JIT_REF_BIAS - 2 * n;

	image_u64(&j->lua.image, j->ir + 8ull * number + 8, value);
	return number;
}

/* `callee`, in slot `slot`, of which `pc` is the instruction behind the call whose register is `a`. */
static inline __u32 fake_jit_call(struct fake_jit *j, __u32 n, __u32 entry, __u32 slot, __u64 callee, __u64 pc, __u32 a)
{
	image_u32(&j->lua.image, pc - 4, 66 | a << 8);
	image_u32(&j->lua.image, j->map + 4 * entry, slot << 24 | fake_jit_constant(j, n, callee));
	image_u32(&j->lua.image, j->map + 4 * entry + 4, (slot + 1) << 24 | JIT_SNAP_FRAME | fake_jit_constant(j, n + 1, pc));
	return entry + 2;
}

static inline void fake_jit_snap(struct fake_jit *j, __u32 i, __u32 map, __u32 mcode, __u32 entries, __u64 pc, __u32 base)
{
	struct jit_snap snap = { .map = map, .mcode = mcode, .entries = entries };
	__u64 left = pc << 8 | base;

	image_put(&j->lua.image, j->snap + i * sizeof(snap), &snap, sizeof(snap));
	image_put(&j->lua.image, j->map + 4ull * (map + entries), &left, sizeof(left));
}

static inline void fake_jit_init(struct fake_jit *j)
{
	struct image *image = &j->lua.image;
	__u64 constants, parts;
	__u32 entry;

	fake_lua_init(&j->lua, LUA_RELEASE(5, 1, 5));
	j->outer = fake_jit_function(j);
	j->middle = fake_jit_function(j);
	j->inner = fake_jit_function(j);
	constants = image_take(image, 16 * (FAKE_JIT_CONSTANTS + 1), false);
	j->ir = constants + 16 * FAKE_JIT_CONSTANTS - 8ull * JIT_REF_BIAS;
	parts = image_take(image, 2 * sizeof(struct jit_snap) + 64, false);
	j->snap = parts;
	j->map = parts + 2 * sizeof(struct jit_snap);
	/* [0]: outer() alone; [1]: behind a value in slot 3, the two that it called */
	fake_jit_snap(j, 0, 0, 0, 0, fake_jit_bytecode(j, j->outer) + 4 * 4, 0);
	image_u32(image, j->map + 8, 3u << 24 | 0x8001);
	entry = fake_jit_call(j, 1, 3, 5, j->middle, fake_jit_bytecode(j, j->outer) + 4 * 10, 3);
	entry = fake_jit_call(j, 3, entry, 9, j->inner, fake_jit_bytecode(j, j->middle) + 4 * 20, 2);
	fake_jit_snap(j, 1, 2, FAKE_JIT_INNER, entry - 2, fake_jit_bytecode(j, j->inner) + 4 * 7, 9);
	j->trace = image_take(image, JIT_TRACE_BYTES, false);
	image_put(image, j->trace + JIT_TYPE, &(__u8){ JIT_TYPE_TRACE }, 1);
	image_put(image, j->trace + JIT_TRACE_SNAPS, &(__u16){ 2 }, 2);
	image_u64(image, j->trace + JIT_TRACE_IR, j->ir);
	image_u64(image, j->trace + JIT_TRACE_SNAP, j->snap);
	image_u64(image, j->trace + JIT_TRACE_SNAPMAP, j->map);
	image_u64(image, j->trace + JIT_TRACE_MCODE, FAKE_JIT_MCODE);
	image_u32(image, j->trace + JIT_TRACE_MCODE_BYTES, FAKE_JIT_BYTES);
	image_put(image, j->trace + JIT_TRACE_SPADJUST, &(__u16){ 64 }, 2);
	j->frame = image_take(image, 64, false) + 32;
	image_u64(image, j->frame - 8, j->outer | 0xffffull << 48);
}

/* What the trace is in when the thread is there in its code, or by `called` in what that called. */
static inline const struct lua_walk *fake_jit_unfold(struct fake_jit *j, __u32 at, bool called)
{
	struct lua_walk *w = LUA_WALK(j->lua.s);

	walk_memory = &j->lua.memory;
	*w = (struct lua_walk){ .trace = j->trace, .ip = FAKE_JIT_MCODE + at, .jump = FAKE_LUA_STACK + 512, .pc = 1 };
	if (called) {
		fake_lua_word(&j->lua, 512 - 64 - JIT_SAVED_BYTES, w->ip + 1); /* the instruction behind the call */
		w->ip = FAKE_LUA_TEXT;
	}
	jit_unfold(j->lua.s, j->frame);
	return w;
}

#endif
