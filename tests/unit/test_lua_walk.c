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

/* Nothing runs, in a thread that has run Lua and in one that never has: nearly nothing of the C stack is followed. A jmp_buf that is not
 * Lua's is no reason to. */
static void needs_few_reads_outside(void **state)
{
	struct fake_lua f;

	FOR_EACH_LAYOUT(f) {
		struct fake_state main = fake_lua_state(&f, true);
		size_t before;

		fake_lua_call(&f, &main, fake_lua_function(&f, "@a.lua", 1), 3);
		fake_lua_protect(&f, &main, 2048, true);
		for (__u64 at = 0; at < 1024; at += 8)
			fake_lua_word(&f, at, FAKE_LUA_HEAP + 8 * at);
		fake_lua_jump(&f, FAKE_LUA_STACK + 512, FAKE_LUA_HEAP + 0x1234);
		fake_lua_word(&f, 1000, main.at);
		fake_lua_walk(&f);
		assert_whole(&f, 1);

		image_u64(&f.image, main.at + f.l.state_errorJmp, 0);
		image_u64(&f.image, main.at + f.l.state_ci, f.l.base_ci_points ? main.calls : main.at + f.l.state_base_ci);
		for (__u64 at = 2048; at < 2048 + LUA_RECORD_BYTES; at += 8)
			fake_lua_word(&f, at, 0);
		for (int other = 0; other < 2; other++) {
			if (other)
				f.seat = (struct lua_seat){};
			before = f.image.reads;
			fake_lua_walk(&f);
			assert_int_equal(f.s->walk.error, SCRY_WALK_NO_THREAD_STATE);
			assert_false(LUA_WALK(f.s)->unsure);
			assert_true(f.image.reads - before < 16);
		}
	}
}

/* The search ends where the stack does, which it looks at up to there without reading beyond. */
static void ends_with_the_stack(void **state)
{
	struct fake_lua f;

	FOR_EACH_LAYOUT(f) {
		struct fake_state main = fake_lua_state(&f, true);

		fake_lua_call(&f, &main, fake_lua_function(&f, "@a.lua", 1), 3);
		for (__u64 room = 600; room < 700; room += 8) {
			struct scry_scratch *s = f.s;

			walk_memory = &f.memory;
			s->walk = (struct scry_walk){};
			lua_begin(s, FAKE_LUA_STACK + FAKE_LUA_ROOM - room, FAKE_LUA_STACK + FAKE_LUA_ROOM);
			fake_lua_word(&f, FAKE_LUA_ROOM - room, 0x1111);
			fake_lua_word(&f, FAKE_LUA_ROOM - JIT_CFRAME_BYTES - 8, 0x2222);
			assert_false(lua_scan_read(s, LUA_SCAN_BYTES));
			assert_int_equal(*(__u64 *)s->window, 0x1111);
			LUA_WALK(s)->at += LUA_SCAN_BYTES;
			assert_false(lua_search_over(LUA_WALK(s)));
			assert_false(lua_scan_read(s, LUA_SCAN_BYTES));
			assert_true(LUA_WALK(s)->at + LUA_SCAN_BYTES <= FAKE_LUA_STACK + FAKE_LUA_ROOM);
			assert_int_equal(*(__u64 *)(s->window + FAKE_LUA_STACK + FAKE_LUA_ROOM - JIT_CFRAME_BYTES - 8 - LUA_WALK(s)->at), 0x2222);
			LUA_WALK(s)->at += LUA_SCAN_BYTES;
			assert_true(lua_search_over(LUA_WALK(s)));
		}
	}
}

/* LuaJIT's frames: what is in every one of them, whatever runs. */
static void knows_frames_of_luajit(void **state)
{
	const __u64 frame = 0x7ffdde10e1a0;
	const struct {
		__u64 results, instruction, previous;
		bool may;
	} cases[] = {
		{ 0x1000000001, 0x7f022d745574, 0, true },
		{ 0x2800000000, 0x7f64fa8e33f4, 0x7ffdde10e2b0, true },
		{ 0x1000000001, 0x52, 0, true }, /* in machine code */
		{ 0xfffffffffffff001, 0, 0x7ffdde10e2b1, true }, /* lua_cpcall, over a frame with flags */
		{ 0x7f022d745574, 0, 0, false },
		{ 0x1000000001, 0, 0x7f022d745574, false },
		{ 0x1000000001, 0, 0x7ffdde10e190, false }, /* further in */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const __u64 word[] = { 1, cases[i].results, 0x7f0000000010, cases[i].instruction, cases[i].previous, 0 };

		assert_true(jit_is_cframe(frame, word) == cases[i].may);
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
		assert_true(f.marks.unguarded);
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
		cmocka_unit_test(needs_few_reads_outside),
		cmocka_unit_test(ends_with_the_stack),
		cmocka_unit_test(knows_frames_of_luajit),
		cmocka_unit_test(tells_coroutines_apart),
		cmocka_unit_test(finds_states_without_marks),
		cmocka_unit_test(is_not_sure_of_distant_owners),
		cmocka_unit_test(does_not_trust_a_hook),
		cmocka_unit_test(forgets_what_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
