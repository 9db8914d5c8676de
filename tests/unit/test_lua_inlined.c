// SPDX-License-Identifier: GPL-2.0-only
/* Functions that LuaJIT put into a trace, as its snapshots tell them; and what is not believed of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_jit.h"

static void assert_none(const struct lua_walk *w)
{
	assert_int_equal(w->inlined_count, 0);
	assert_int_equal(w->owner.func, 0);
	assert_int_equal(w->owner.pc, 1); /* as it was */
	assert_int_equal(w->skip, 0);
}

static void assert_all(struct fake_jit *j, const struct lua_walk *w)
{
	assert_int_equal(w->inlined_count, 2);
	assert_true(w->inlined[0].func == j->inner && w->inlined[1].func == j->middle && !w->owner.func);
	assert_true(w->inlined[0].pc == fake_jit_bytecode(j, j->inner) + 4 * 8); /* the snapshot's, behind it */
	assert_true(w->inlined[1].pc == fake_jit_bytecode(j, j->middle) + 4 * 20);
	assert_true(w->owner.pc == fake_jit_bytecode(j, j->outer) + 4 * 10);
}

static void tells_who_runs(void **state)
{
	struct fake_jit j;
	const struct lua_walk *w;

	fake_jit_init(&j);
	for (int called = 0; called < 2; called++) {
		for (__u32 at = 0; at < FAKE_JIT_INNER; at += 0x3f) {
			w = fake_jit_unfold(&j, at, called);
			assert_int_equal(w->inlined_count, 0);
			assert_true(w->owner.pc == fake_jit_bytecode(&j, j.outer) + 4 * 5);
		}
		for (__u32 at = FAKE_JIT_INNER; at < FAKE_JIT_BYTES; at += 0x3f)
			assert_all(&j, fake_jit_unfold(&j, at, called));
	}
	fake_lua_deinit(&j.lua);
}

static void needs_the_code(void **state)
{
	struct fake_jit j;

	fake_jit_init(&j);
	assert_none(fake_jit_unfold(&j, FAKE_JIT_BYTES, false));
	assert_none(fake_jit_unfold(&j, FAKE_JIT_BYTES, true));
	image_u32(&j.lua.image, j.trace + JIT_TRACE_MCODE_BYTES, 0);
	assert_none(fake_jit_unfold(&j, FAKE_JIT_INNER, false));
	fake_lua_deinit(&j.lua);
}

/* A release whose snapshots have another size, a trace that is none any more, what cannot be read. */
static void believes_no_other_trace(void **state)
{
	struct fake_jit j;

	fake_jit_init(&j);
	image_put(&j.lua.image, j.trace + JIT_TRACE_SNAPS, &(__u16){ 3 }, 2);
	assert_none(fake_jit_unfold(&j, FAKE_JIT_INNER, false));
	image_put(&j.lua.image, j.trace + JIT_TRACE_SNAPS, &(__u16){ 2 }, 2);
	assert_all(&j, fake_jit_unfold(&j, FAKE_JIT_INNER, false));
	image_put(&j.lua.image, j.trace + JIT_TYPE, &(__u8){ 4 }, 1);
	assert_none(fake_jit_unfold(&j, FAKE_JIT_INNER, false));
	image_put(&j.lua.image, j.trace + JIT_TYPE, &(__u8){ JIT_TYPE_TRACE }, 1);
	image_u64(&j.lua.image, j.trace + JIT_TRACE_IR, 0x10);
	assert_none(fake_jit_unfold(&j, FAKE_JIT_INNER, false));
	fake_lua_deinit(&j.lua);
}

/* Frames that do not lead to that of the trace, instructions of other functions, a function that is no constant. */
static void believes_what_agrees(void **state)
{
	struct fake_jit j;
	__u64 pc;

	fake_jit_init(&j);
	image_u64(&j.lua.image, j.frame - 8, j.inner);
	assert_none(fake_jit_unfold(&j, FAKE_JIT_INNER, false));
	image_u64(&j.lua.image, j.frame - 8, j.outer);
	pc = fake_jit_bytecode(&j, j.middle) + 4 * 20;
	image_u32(&j.lua.image, pc - 4, 66 | 3 << 8); /* the call is of another register */
	assert_none(fake_jit_unfold(&j, FAKE_JIT_INNER, false));
	image_u32(&j.lua.image, pc - 4, 66 | 2 << 8);
	assert_all(&j, fake_jit_unfold(&j, FAKE_JIT_INNER, false));
	fake_jit_snap(&j, 1, 2, FAKE_JIT_INNER, 5, fake_jit_bytecode(&j, j.middle) + 4 * 7, 9);
	assert_none(fake_jit_unfold(&j, FAKE_JIT_INNER, false));
	fake_jit_snap(&j, 1, 2, FAKE_JIT_INNER, 5, fake_jit_bytecode(&j, j.inner) + 4 * 7, 8);
	assert_none(fake_jit_unfold(&j, FAKE_JIT_INNER, false));
	fake_jit_snap(&j, 1, 2, FAKE_JIT_INNER, 5, fake_jit_bytecode(&j, j.inner) + 4 * 7, 9);
	assert_all(&j, fake_jit_unfold(&j, FAKE_JIT_INNER, false));
	image_u32(&j.lua.image, j.map + 4 * 3, 5u << 24 | 0x8002); /* computed */
	assert_none(fake_jit_unfold(&j, FAKE_JIT_INNER, false));
	fake_lua_deinit(&j.lua);
}

/* A tail call has put another function into the trace's own frame. */
static void tells_who_took_the_frame(void **state)
{
	struct fake_jit j;
	const struct lua_walk *w;

	fake_jit_init(&j);
	image_u32(&j.lua.image, j.map + 8, 0u << 24 | fake_jit_constant(&j, 5, j.inner));
	image_u32(&j.lua.image, j.map + 12, 1u << 24 | JIT_SNAP_FRAME | 0x7fff);
	fake_jit_snap(&j, 1, 2, FAKE_JIT_INNER, 2, fake_jit_bytecode(&j, j.inner) + 4 * 7, 0);
	w = fake_jit_unfold(&j, FAKE_JIT_INNER, false);
	assert_int_equal(w->inlined_count, 0);
	assert_true(w->owner.func == j.inner && w->owner.pc == fake_jit_bytecode(&j, j.inner) + 4 * 8);
	fake_lua_deinit(&j.lua);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_who_runs),
		cmocka_unit_test(needs_the_code),
		cmocka_unit_test(believes_no_other_trace),
		cmocka_unit_test(believes_what_agrees),
		cmocka_unit_test(tells_who_took_the_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
