// SPDX-License-Identifier: GPL-2.0-only
/* The walk of Lua's stacks in images of memory, for each layout: which state runs, and what its frames are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_lua.h"
#include "profiler/base/cleanup.h"

static const unsigned releases[] = { LUA_RELEASE(5, 1, 5), LUA_RELEASE(5, 2, 0), LUA_RELEASE(5, 2, 4), LUA_RELEASE(5, 3, 0),
				     LUA_RELEASE(5, 3, 1), LUA_RELEASE(5, 3, 6), LUA_RELEASE(5, 4, 0), LUA_RELEASE(5, 4, 1),
				     LUA_RELEASE(5, 4, 4), LUA_RELEASE(5, 5, 1) };
#define FOR_EACH_LAYOUT(f) \
	for (size_t row_ = 0; row_ < ARRAY_SIZE(releases) && (fake_lua_init(&(f), releases[row_]), true); row_++, fake_lua_deinit(&(f)))

#define FUNCTION_C (FAKE_LUA_TEXT + 0x4000)

/* Frame `i` is this function, or a mark of this kind. */
static void assert_frame(const struct fake_lua *f, __u32 i, __u32 kind, __u64 address, __s32 at)
{
	__u32 id = f->s->frames[i].code;

	assert_in_range(id, 1, f->known.count);
	assert_int_equal(f->known.code[id - 1].kind, kind);
	assert_true(f->known.code[id - 1].address == address);
	assert_int_equal(f->s->frames[i].at, at);
}

static void assert_lua(struct fake_lua *f, __u32 i, __u64 closure, __u32 pc)
{
	assert_frame(f, i, LUA_KIND_PROTO, fake_lua_proto(f, closure), 4 * pc);
}

static void assert_whole(const struct fake_lua *f, __u32 count)
{
	assert_int_equal(f->s->walk.error, SCRY_WALK_OK);
	assert_int_equal(f->s->walk.count, count);
}

static void walks_the_main_thread(void **state)
{
	struct fake_lua f;

	FOR_EACH_LAYOUT(f) {
		struct fake_state main = fake_lua_state(&f, true);
		__u64 outer = fake_lua_function(&f, "@a.lua", 0), inner = fake_lua_function(&f, "@a.lua", 7);

		fake_lua_call(&f, &main, outer, 5);
		fake_lua_call_c(&f, &main, FUNCTION_C);
		fake_lua_call(&f, &main, inner, 3);
		fake_lua_protect(&f, &main, 1024, true);
		fake_lua_word(&f, 160, main.at);
		for (int again = 0; again < 3; again++) {
			fake_lua_walk(&f);
			assert_whole(&f, 3);
			assert_lua(&f, 0, inner, 3);
			assert_frame(&f, 1, LUA_KIND_C, FUNCTION_C, SCRY_AT_NONE);
			assert_lua(&f, 2, outer, 5);
		}
	}
}

/* What is known of a thread spares it the search, and frames that wait spare it their functions. */
static void needs_few_reads(void **state)
{
	struct fake_lua f;

	FOR_EACH_LAYOUT(f) {
		struct fake_state main = fake_lua_state(&f, true);
		size_t first, again;

		for (__u32 i = 0; i < 20; i++)
			fake_lua_call(&f, &main, fake_lua_function(&f, "@a.lua", i), 3);
		fake_lua_protect(&f, &main, 2048, true);
		for (__u64 at = 0; at < 2048; at += 8) /* much that is no state */
			fake_lua_word(&f, at, FAKE_LUA_HEAP + 8 * at);
		fake_lua_word(&f, 1000, main.at);
		fake_lua_walk(&f);
		assert_whole(&f, 20);
		first = f.image.reads;
		fake_lua_walk(&f);
		assert_whole(&f, 20);
		again = f.image.reads - first;
		assert_true(first > 100);
		assert_true(again < (f.l.status_bytes ? 24 : 40));
	}
}

/* main resumes one, which resumes another; words of others that wait or are dead lie on the stack too. */
static void tells_coroutines_apart(void **state)
{
	struct fake_lua f;

	FOR_EACH_LAYOUT(f) {
		struct fake_state main = fake_lua_state(&f, true), outer = fake_lua_state(&f, false), inner = fake_lua_state(&f, false),
				  waiting = fake_lua_state(&f, false);
		__u64 function[4];

		for (int i = 0; i < 4; i++)
			function[i] = fake_lua_function(&f, "@c.lua", 10 * i);
		fake_lua_call(&f, &main, function[0], 1);
		fake_lua_call_c(&f, &main, FUNCTION_C);
		fake_lua_protect(&f, &main, 4000, true);
		fake_lua_call(&f, &waiting, function[3], 9);
		image_put(&f.image, waiting.at + f.l.state_status, &(__u8){ 1 }, 1); /* LUA_YIELD */
		for (__u64 at = 64; at < 4000; at += 360)
			fake_lua_word(&f, at, waiting.at);
		fake_lua_word(&f, 3800, main.at);

		fake_lua_walk(&f); /* only main runs, in C */
		assert_whole(&f, 2);
		assert_frame(&f, 0, LUA_KIND_C, FUNCTION_C, SCRY_AT_NONE);

		fake_lua_call(&f, &outer, function[1], 2);
		fake_lua_call_c(&f, &outer, FUNCTION_C);
		fake_lua_protect(&f, &outer, 3000, true);
		fake_lua_call(&f, &inner, function[2], 3);
		fake_lua_protect(&f, &inner, 2000, true);
		for (int again = 0; again < 2; again++) { /* new ones, then known ones */
			fake_lua_walk(&f);
			assert_whole(&f, 7);
			assert_lua(&f, 0, function[2], 3);
			assert_frame(&f, 1, LUA_KIND_COROUTINE, 0, SCRY_AT_NONE);
			assert_frame(&f, 2, LUA_KIND_C, FUNCTION_C, SCRY_AT_NONE);
			assert_lua(&f, 3, function[1], 2);
			assert_frame(&f, 4, LUA_KIND_COROUTINE, 0, SCRY_AT_NONE);
			assert_lua(&f, 6, function[0], 1);
		}

		/* They have yielded, and the stack above is as it was. */
		image_u64(&f.image, inner.at + f.l.state_errorJmp, 0);
		image_u64(&f.image, outer.at + f.l.state_errorJmp, 0);
		image_put(&f.image, inner.at + f.l.state_status, &(__u8){ 1 }, 1);
		image_put(&f.image, outer.at + f.l.state_status, &(__u8){ 1 }, 1);
		fake_lua_walk(&f);
		assert_whole(&f, 2);
		assert_lua(&f, 1, function[0], 1);
	}
}

/* Lua in C++ has records without a jmp_buf. */
static void finds_states_without_marks(void **state)
{
	struct fake_lua f;

	FOR_EACH_LAYOUT(f) {
		struct fake_state main = fake_lua_state(&f, true), inner = fake_lua_state(&f, false);
		__u64 function = fake_lua_function(&f, "@d.lua", 4);

		fake_lua_call(&f, &main, function, 1);
		fake_lua_call_c(&f, &main, FUNCTION_C);
		fake_lua_protect(&f, &main, 3000, false);
		fake_lua_word(&f, 2800, main.at);
		fake_lua_walk(&f);
		assert_whole(&f, 2);
		assert_true(f.seat.unguarded);
		fake_lua_call(&f, &inner, function, 2);
		fake_lua_protect(&f, &inner, 1000, false);
		fake_lua_walk(&f);
		assert_whole(&f, 4);
		assert_lua(&f, 0, function, 2);
	}
}

/* A mark whose state is not near: then every word is looked at. */
static void is_not_sure_of_distant_owners(void **state)
{
	struct fake_lua f;

	FOR_EACH_LAYOUT(f) {
		struct fake_state main = fake_lua_state(&f, true), inner = fake_lua_state(&f, false);
		__u64 function = fake_lua_function(&f, "@e.lua", 4);

		fake_lua_call(&f, &main, function, 1);
		fake_lua_call_c(&f, &main, FUNCTION_C);
		fake_lua_protect(&f, &main, 3504, true);
		fake_lua_word(&f, 3400, main.at);
		fake_lua_walk(&f);
		fake_lua_call(&f, &inner, function, 2);
		fake_lua_protect(&f, &inner, 2000, true);
		fake_lua_word(&f, 2000 + 8, 0);
		fake_lua_word(&f, 64, inner.at);
		fake_lua_walk(&f);
		assert_true(LUA_WALK(f.s)->unsure);
		assert_whole(&f, 4);
		assert_lua(&f, 0, function, 2);
	}
}

/* A hook runs in the name of a Lua function, and may resume others. */
static void does_not_trust_a_hook(void **state)
{
	struct fake_lua f;

	FOR_EACH_LAYOUT(f) {
		struct fake_state main = fake_lua_state(&f, true), inner = fake_lua_state(&f, false);
		__u64 function = fake_lua_function(&f, "@h.lua", 4), ci = 0;

		fake_lua_call(&f, &main, function, 1);
		fake_lua_protect(&f, &main, 3504, true);
		fake_lua_word(&f, 3400, main.at);
		fake_lua_walk(&f);
		assert_whole(&f, 1);
		image_read(&f.image, &ci, 8, main.at + f.l.state_ci);
		fake_lua_status(&f, ci, f.l.status_lua | f.l.status_hooked);
		if (f.l.state_allowhook)
			image_put(&f.image, main.at + f.l.state_allowhook, &(__u8){ 0 }, 1);
		fake_lua_call(&f, &inner, function, 2);
		fake_lua_protect(&f, &inner, 2000, true);
		fake_lua_walk(&f);
		assert_lua(&f, 0, function, 2);
		assert_frame(&f, 1, LUA_KIND_COROUTINE, 0, SCRY_AT_NONE);
	}
}

/* A state that is gone: its memory is another's, or none. */
static void forgets_what_is_gone(void **state)
{
	struct fake_lua f;

	FOR_EACH_LAYOUT(f) {
		struct fake_state main = fake_lua_state(&f, true), fresh = fake_lua_state(&f, false);
		__u64 function = fake_lua_function(&f, "@g.lua", 4);

		fake_lua_call(&f, &main, function, 1);
		fake_lua_protect(&f, &main, 3504, true);
		fake_lua_word(&f, 304, main.at);
		fake_lua_walk(&f);
		assert_whole(&f, 1);
		for (__u64 at = 0; at < 128; at += 8)
			image_u64(&f.image, main.at + at, 0x5a5a5a5a5a5a5a5aull);
		fake_lua_walk(&f);
		assert_int_equal(f.s->walk.count, 0);
		assert_int_equal(f.s->walk.error, SCRY_WALK_NO_THREAD_STATE);
		(void)fresh;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_the_main_thread),
		cmocka_unit_test(needs_few_reads),
		cmocka_unit_test(tells_coroutines_apart),
		cmocka_unit_test(finds_states_without_marks),
		cmocka_unit_test(is_not_sure_of_distant_owners),
		cmocka_unit_test(does_not_trust_a_hook),
		cmocka_unit_test(forgets_what_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
