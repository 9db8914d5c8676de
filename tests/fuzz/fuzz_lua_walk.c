// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory made of anything: a process that runs Lua, or what LuaJIT would find there, well-formed for a row of the layout table, changed
 * word by word as the input says, and the row too; walked twice, the second time with what is remembered of the first. Each walk must
 * end within a bounded number of reads.
 *
 * Or a trace of LuaJIT, whose functions are looked for.
 *
 *   byte 0: row; byte 1: LuaJIT, coroutines, a trace; then changes of 4 bytes: what, where, value
 */
#include "tests/unit/fake_jit.h"

#define FUNCTION_C (FAKE_LUA_TEXT + 0x4000)
#define WORDS	  4096
#define MAX_READS 300000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const unsigned releases[] = { LUA_RELEASE(5, 1, 5), LUA_RELEASE(5, 2, 0), LUA_RELEASE(5, 2, 4), LUA_RELEASE(5, 3, 0),
				     LUA_RELEASE(5, 3, 6), LUA_RELEASE(5, 4, 0), LUA_RELEASE(5, 4, 4), LUA_RELEASE(5, 5, 1) };

/* The places of 2.1 as jit_detect.c finds them. */
static const struct lua_layout jit = {
	.jit = 1, .state_tag = 9, .thread_tag = 6, .state_status = 11, .state_global = 16, .state_stack = 56, .state_stack_last = 48,
	.state_errorJmp = 80, .state_ci = 80, .state_bytes = 88, .proto_bytes = 104, .string_text = 24, .upvalue_stride = 8,
	.jit_vmstate = 184, .jit_base = 376, .jit_trace = 5096, .global_mainthread = 192, .ci_size = 40,
};

static void make(struct fake_lua *f, uint8_t row, uint8_t ways)
{
	struct fake_state main, inner;
	__u64 function;

	fake_lua_init(f, releases[row % (sizeof(releases) / sizeof(releases[0]))]);
	main = fake_lua_state(f, true);
	inner = fake_lua_state(f, false);
	function = fake_lua_function(f, "@a.lua", 7);
	for (int i = 0; i < 4; i++)
		fake_lua_call(f, &main, i & 1 ? function : fake_lua_function(f, "=b", i), i);
	fake_lua_call_c(f, &main, FUNCTION_C);
	fake_lua_protect(f, &main, 2048, true);
	fake_lua_word(f, 2000, main.at);
	if (ways & 2) {
		fake_lua_call(f, &inner, function, 2);
		fake_lua_protect(f, &inner, 1024, !(ways & 4));
		fake_lua_word(f, 960, inner.at);
	}
	for (int i = 0; i < LUA_SAVED; i++)
		f->saved[i] = function + 8 * i;
	if (ways & 1)
		f->l = jit;
}

/* Addresses that mean something, near and far. */
static __u64 value_of(const struct fake_lua *f, uint8_t what, uint8_t value)
{
	switch (what >> 4 & 7) {
	case 0:
		return value;
	case 1:
		return FAKE_LUA_HEAP + value * 16ull;
	case 2:
		return f->main + (int8_t)value * 8ll;
	case 3:
		return ~0ull - value;
	case 4:
		return FAKE_LUA_STACK + value * 8ull;
	case 5:
		return FAKE_LUA_TEXT + value * 16ull;
	case 6:
		return 1ull << (value & 63);
	default:
		return f->image.next - value * 8ull;
	}
}

static void change(struct fake_lua *f, const uint8_t *op)
{
	unsigned where = op[1] | op[2] << 8;
	__u64 value = value_of(f, op[0], op[3]);

	switch (op[0] & 15) {
	case 0:
		*(__u16 *)((char *)&f->l + lua_fields[where % lua_field_count].at) = value & 0x7ff;
		break;
	case 1:
		image_fault(&f->image, FAKE_LUA_HEAP + where % WORDS * 8);
		break;
	case 2:
		image_u64(&f->image, FAKE_LUA_STACK + where % 600 * 8, value);
		break;
	case 3:
		image_fault(&f->image, FAKE_LUA_STACK + where % 1024 * 8);
		break;
	default:
		image_u64(&f->image, FAKE_LUA_HEAP + where % WORDS * 8 + (op[0] & 3), value);
	}
}

static void unfold(const uint8_t *bytes, size_t size)
{
	struct fake_jit j;

	fake_jit_init(&j);
	for (size_t i = 2; i + 4 <= size && i < 2 + 4 * 64; i += 4)
		change(&j.lua, bytes + i);
	for (__u32 at = 0; at < FAKE_JIT_BYTES; at += 0x80) {
		j.lua.image.reads = 0;
		if (fake_jit_unfold(&j, at, at & 0x80)->inlined_count > LUA_INLINED || j.lua.image.reads > 1000)
			abort();
	}
	fake_lua_deinit(&j.lua);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fake_lua *f;

	if (size < 2)
		return -1;
	if (bytes[1] & 8) {
		unfold(bytes, size);
		return 0;
	}
	f = malloc(sizeof(*f));
	if (!f)
		abort();
	make(f, bytes[0], bytes[1]);
	for (size_t i = 2; i + 4 <= size && i < 2 + 4 * 64; i += 4)
		change(f, bytes + i);
	for (int again = 0; again < 2; again++) {
		f->image.reads = 0;
		fake_lua_walk(f);
		if (f->s->walk.count > SCRY_MAX_STACK || f->s->walk.error >= SCRY_WALK_ERROR_COUNT || f->image.reads > MAX_READS)
			abort();
	}
	fake_lua_deinit(f);
	free(f);
	return 0;
}
