// SPDX-License-Identifier: GPL-2.0-only
/* The walk of Python frames as the kernel runs it, over an image of memory, for every row of the layout table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "fake_python.h"
#include "runtimes/python/host.h"

#define DEEP SCRY_MAX_STACK

/* Each test is a function of one row, run for all of them. */
typedef void row_test(struct fake *f);

static void each_row(row_test *test)
{
	size_t rows = 0;

	for (const struct python_row *row; (row = fake_row(rows)); rows++) {
		struct fake f;

		fake_init(&f, row);
		test(&f);
		fake_deinit(&f);
	}
	assert_int_equal(rows, 14);
}

static struct python_stack walk(struct fake *f, unsigned int max_stack)
{
	struct python_stack stack;

	assert_int_equal(
		python_host_walk_memory(&f->binary, &f->memory, FAKE_BIAS, fake_thread(0), max_stack, &stack), 0);
	return stack;
}

/* Walk, and expect an error and a number of frames. */
static void expect(struct fake *f, enum scry_walk_error error, size_t count)
{
	struct python_stack stack = walk(f, DEEP);

	if (stack.error != error || stack.count != count)
		fail_msg("version %x: error %d, %zu frames; not %d, %zu", f->binary.wire.python.version, stack.error,
			 stack.count, error, count);
	python_stack_deinit(&stack);
}

static void expect_frame(const struct python_stack *stack, size_t i, const char *name, int line, int at)
{
	assert_true(i < stack->count);
	assert_string_equal(stack->frames[i].code->name, name);
	assert_string_equal(stack->frames[i].code->file, "app.py");
	assert_int_equal(stack->frames[i].code->first_line, line);
	assert_int_equal(stack->frames[i].at, at);
}

static void two_frames(struct fake *f)
{
	__u64 root = fake_frame(f, 0, fake_code(f, "main", "app.py", 10), 6, false);
	__u64 leaf = fake_frame(f, root, fake_code(f, "Class.work", "app.py", 20), 48, false);
	struct python_stack stack;

	fake_enter(f, fake_state(f, fake_thread(0)), leaf);
	stack = walk(f, DEEP);
	assert_int_equal(stack.error, SCRY_WALK_OK);
	assert_int_equal(stack.count, 2);
	expect_frame(&stack, 0, "Class.work", 20, 48);
	expect_frame(&stack, 1, "main", 10, 6);
	python_stack_deinit(&stack);
}

static void wild_pointers(struct fake *f)
{
	static const __u64 wild[] = { 1, 0x41414141414141, 0xffffffff81000000, ~0ull, ~7ull, FAKE_HEAP - 8 };
	__u64 leaf = fake_frame(f, 0, f->unnamed, 0, false), state = fake_state(f, fake_thread(0));

	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		fake_enter(f, state, wild[i]);
		expect(f, SCRY_WALK_FRAME_FAULT, 0);
		fake_enter(f, state, leaf);
		image_u64(&f->image, leaf + OFF(f->layout->frame_previous), wild[i]);
		expect(f, SCRY_WALK_FRAME_FAULT, 1);
	}
}

static void frames_end_at_null(struct fake *f)
{
	fake_enter(f, fake_state(f, fake_thread(0)), 0);
	expect(f, SCRY_WALK_NOT_STARTED, 0);
}

static void cycle(struct fake *f, size_t before, size_t length)
{
	__u64 state = fake_state(f, fake_thread(0)), last = fake_frame(f, 0, f->unnamed, 0, false), frame = last;
	struct python_stack stack;

	for (size_t i = 1; i < length; i++)
		frame = fake_frame(f, frame, f->unnamed, 0, false);
	image_u64(&f->image, last + OFF(f->layout->frame_previous), frame);
	for (size_t i = 0; i < before; i++)
		frame = fake_frame(f, frame, f->unnamed, 0, false);
	fake_enter(f, state, frame);
	stack = walk(f, DEEP);
	assert_int_equal(stack.error, SCRY_WALK_FRAME_CYCLE);
	assert_in_range(stack.count, before + length, 3 * (before + length) + 1);
	python_stack_deinit(&stack);
}

static void cycles(struct fake *f)
{
	static const size_t lengths[] = { 1, 2, 7, 100 }, before[] = { 0, 1, 50 };

	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 3; j++)
			cycle(f, before[j], lengths[i]);
}

static void fault_in_the_middle(struct fake *f)
{
	__u64 lost = fake_frame(f, fake_deep(f, 5, f->unnamed), f->unnamed, 0, true);
	__u64 leaf = fake_frame(f, fake_frame(f, lost, f->unnamed, 0, true), f->unnamed, 0, true);

	fake_enter(f, fake_state(f, fake_thread(0)), leaf);
	expect(f, SCRY_WALK_OK, 8);
	image_fault(&f->image, lost);
	expect(f, SCRY_WALK_FRAME_FAULT, 2);
}

static void depth(struct fake *f)
{
	__u64 state = fake_state(f, fake_thread(0)), leaf = fake_deep(f, DEEP, f->unnamed);
	struct python_stack stack;

	fake_enter(f, state, leaf);
	expect(f, SCRY_WALK_OK, DEEP);
	fake_enter(f, state, fake_frame(f, leaf, f->unnamed, 0, false));
	expect(f, SCRY_WALK_TRUNCATED, DEEP);
	stack = walk(f, 100);
	assert_int_equal(stack.error, SCRY_WALK_TRUNCATED);
	assert_int_equal(stack.count, 100);
	python_stack_deinit(&stack);
}

static __u64 own_frame(struct fake *f, __u64 previous, unsigned int owner)
{
	__u64 frame = fake_frame(f, previous, 0x1234, 0, false);
	__u8 byte = owner;

	image_put(&f->image, frame + OFF(f->layout->frame_owner), &byte, 1);
	return frame;
}

/* Between C and Python there is a frame that is no function. */
static void interpreter_frames(struct fake *f)
{
	__u64 state = fake_state(f, fake_thread(0)), frame = 0;

	if (!f->layout->owner_interpreter)
		return;
	frame = own_frame(f, 0, 3);
	frame = fake_frame(f, frame, f->unnamed, 0, false);
	frame = own_frame(f, own_frame(f, frame, 4), 3);
	frame = fake_frame(f, frame, f->unnamed, 0, false);
	fake_enter(f, state, frame);
	expect(f, SCRY_WALK_OK, 2);
	/* Generators and objects own frames too, and these are the program's. */
	image_put(&f->image, frame + OFF(f->layout->frame_owner), "\1", 1);
	expect(f, SCRY_WALK_OK, 2);
	/* They do not count as frames: exactly as deep as allowed is not truncated. */
	frame = 0;
	for (size_t i = 0; i < DEEP; i++)
		frame = fake_frame(f, own_frame(f, frame, 3), f->unnamed, 0, false);
	fake_enter(f, state, frame);
	expect(f, SCRY_WALK_OK, DEEP);
	fake_enter(f, state, fake_frame(f, own_frame(f, frame, 3), f->unnamed, 0, false));
	expect(f, SCRY_WALK_TRUNCATED, DEEP);
	/* A list of nothing else ends as well. */
	frame = 0;
	for (size_t i = 0; i < 3 * DEEP; i++)
		frame = own_frame(f, frame, 3);
	fake_enter(f, state, frame);
	expect(f, SCRY_WALK_TRUNCATED, 0);
}

/* Tag bits say how a reference is counted; either may be set. */
static void tagged_code(struct fake *f)
{
	__u64 state = fake_state(f, fake_thread(0)), frame = fake_frame(f, 0, f->unnamed, 8, false);
	struct python_stack stack;

	fake_enter(f, state, frame);
	for (__u64 tag = 0; tag < 4; tag++) {
		image_u64(&f->image, frame + OFF(f->layout->frame_code), f->unnamed | tag);
		if (tag && !f->layout->tagged) {
			expect(f, SCRY_WALK_BAD_CODE, 0);
			continue;
		}
		stack = walk(f, DEEP);
		assert_int_equal(stack.error, SCRY_WALK_OK);
		assert_true(stack.frames[0].address == f->unnamed);
		assert_int_equal(stack.frames[0].at, 8);
		python_stack_deinit(&stack);
	}
}

/* Without the GIL each thread runs a copy of the bytecode: an array of them hangs off the code object. */
static void bytecode_copies(struct fake *f)
{
	__u64 state = fake_state(f, fake_thread(0)), frame = fake_frame(f, 0, f->unnamed, 0, false), copies, copy;
	struct python_stack stack;

	if (!f->layout->code_tlbc)
		return;
	copies = image_take(&f->image, 8 + 8 * 4, false);
	copy = image_take(&f->image, 256, false);
	image_u64(&f->image, copies, 4);
	image_u64(&f->image, copies + 8, f->unnamed + OFF(f->layout->code_bytecode));
	image_u64(&f->image, copies + 8 + 8 * 3, copy);
	image_u64(&f->image, f->unnamed + OFF(f->layout->code_tlbc), copies);
	image_u32(&f->image, frame + OFF(f->layout->frame_tlbc_index), 3);
	image_u64(&f->image, frame + OFF(f->layout->frame_instr), copy + 24);
	fake_enter(f, state, frame);
	stack = walk(f, DEEP);
	assert_int_equal(stack.frames[0].at, 24);
	python_stack_deinit(&stack);
	image_u32(&f->image, frame + OFF(f->layout->frame_tlbc_index), 0xffffffff);
	stack = walk(f, DEEP);
	assert_int_equal(stack.frames[0].at, SCRY_AT_NONE);
	python_stack_deinit(&stack);
}

static void instruction_offsets(struct fake *f)
{
	static const int none[] = { -1, -2, -20, -0x7ffffffe, 0x7ffffffe, 1 << 30 };
	__u64 frame = fake_frame(f, 0, f->unnamed, 0, false);
	struct python_stack stack;

	fake_enter(f, fake_state(f, fake_thread(0)), frame);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		if (f->layout->instr == PYTHON_INSTR_POINTER)
			fake_move(f, frame, f->unnamed, none[i]);
		else
			image_u32(&f->image, frame + OFF(f->layout->frame_instr), none[i]);
		stack = walk(f, DEEP);
		assert_int_equal(stack.error, SCRY_WALK_OK);
		assert_int_equal(stack.frames[0].at, SCRY_AT_NONE);
		assert_int_equal(stack.frames[0].line, 1);
		python_stack_deinit(&stack);
	}
}

static void bad_code(struct fake *f)
{
	static const __u64 wild[] = { 0, 8, 0x4141414141414140, ~7ull };
	__u64 type = f->unnamed + OFF(f->layout->object_type);
	__u64 leaf = fake_frame(f, fake_frame(f, 0, f->unnamed, 0, false), fake_code(f, "g", "g.py", 2), 0, false);

	fake_enter(f, fake_state(f, fake_thread(0)), leaf);
	image_u64(&f->image, type, FAKE_BIAS + FAKE_CODE_TYPE + 16);
	expect(f, SCRY_WALK_BAD_CODE, 1);
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		image_u64(&f->image, leaf + OFF(f->layout->frame_code), wild[i]);
		expect(f, SCRY_WALK_BAD_CODE, 0);
	}
}

/* The type is on one page, what is asked of the object goes on to a missing one. */
static void code_at_the_end_of_memory(struct fake *f)
{
	__u64 code = image_take(&f->image, 2 * PAGE, true) + PAGE - 48;

	image_u64(&f->image, code + OFF(f->layout->object_type), FAKE_BIAS + FAKE_CODE_TYPE);
	image_fault(&f->image, code + PAGE);
	fake_enter(f, fake_state(f, fake_thread(0)),
		   fake_frame(f, fake_frame(f, 0, f->unnamed, 0, false), code, 0, false));
	expect(f, SCRY_WALK_CODE_FAULT, 0);
}

#define FOR_EACH_ROW(name, test)              \
	static void name(void **state)        \
	{                                     \
		each_row(test);               \
	}

FOR_EACH_ROW(walks_two_frames, two_frames)
FOR_EACH_ROW(stops_at_a_wild_pointer, wild_pointers)
FOR_EACH_ROW(says_that_a_thread_without_frames_has_not_started, frames_end_at_null)
FOR_EACH_ROW(cuts_a_cycle, cycles)
FOR_EACH_ROW(keeps_what_it_read_before_a_page_that_is_not_there, fault_in_the_middle)
FOR_EACH_ROW(walks_as_deep_as_allowed_and_says_when_there_is_more, depth)
FOR_EACH_ROW(leaves_out_the_interpreters_own_frames, interpreter_frames)
FOR_EACH_ROW(takes_tags_off_references, tagged_code)
FOR_EACH_ROW(finds_the_place_in_a_copy_of_the_bytecode, bytecode_copies)
FOR_EACH_ROW(takes_no_impossible_place_for_an_instruction, instruction_offsets)
FOR_EACH_ROW(refuses_what_is_no_code_object, bad_code)
FOR_EACH_ROW(says_that_a_code_object_cannot_be_read, code_at_the_end_of_memory)

/* 3.11, 3.12: a stack on which C entered from `outer`, and what `inner` calls. The frame by which C entered is returned. */
static __u64 entered(struct fake *f, __u64 outer)
{
	__u64 own = f->layout->frame_is_entry ? outer : fake_frame(f, outer, 0x1234, 0, false);
	__u64 frame = fake_frame(f, own, f->unnamed, 4, false);

	fake_mark_entry(f, frame, own);
	image_u32(&f->image, frame + OFF(f->layout->frame_saved_top), -1);
	return frame;
}

static void torn_entries(struct fake *f)
{
	__u64 state = fake_state(f, fake_thread(0)), outer = fake_frame(f, 0, f->unnamed, 2, false), entry, leaf, stale;

	if (!f->layout->tstate_cframe)
		return;
	outer = fake_frame(f, outer, f->unnamed, 2, false);
	entry = entered(f, outer);
	leaf = fake_frame(f, entry, f->unnamed, 6, false);
	fake_enter_from(f, state, outer, leaf);
	expect(f, SCRY_WALK_OK, 4);
	/* What lay on the C stack: a frame of another entry, one that leads nowhere, no frame at all. */
	stale = entered(f, fake_frame(f, 0, f->unnamed, 2, false));
	fake_enter_from(f, state, outer, stale);
	expect(f, SCRY_WALK_OK, 2);
	fake_enter_from(f, state, outer, fake_frame(f, 0, f->unnamed, 6, false));
	expect(f, SCRY_WALK_OK, 2);
	fake_enter_from(f, state, outer, 0x4141414141410000);
	expect(f, SCRY_WALK_OK, 2);
	fake_enter_from(f, state, outer, 0);
	expect(f, SCRY_WALK_OK, 2);
	fake_enter_from(f, state, 0, fake_frame(f, 0, f->unnamed, 6, false));
	expect(f, SCRY_WALK_ENTERING, 0);
	/* A frame that has not begun still holds its stack's top, and perhaps an old caller. */
	leaf = fake_frame(f, entry, f->unnamed, -2, false);
	image_u32(&f->image, leaf + OFF(f->layout->frame_saved_top), 3);
	fake_enter_from(f, state, outer, leaf);
	expect(f, SCRY_WALK_ENTERING, 1);
	image_u32(&f->image, leaf + OFF(f->layout->frame_saved_top), -1);
	expect(f, SCRY_WALK_OK, 4);
}

FOR_EACH_ROW(trusts_no_frame_that_is_being_entered, torn_entries)

/* 3.11, 3.12: the structure is current, neither its frame nor its link to the one before are set. */
static void unlinked_entries(struct fake *f)
{
	__u64 state = fake_state(f, fake_thread(0)), nothing = 0x4141414141410000, cframe = 0, frame, zeros;

	if (!f->layout->tstate_cframe)
		return;
	frame = fake_frame(f, 0, f->unnamed, 2, false);
	zeros = image_take(&f->image, 4096 + 64, false) + 4096;
	image_read(&f->image, &cframe, sizeof(cframe), state + OFF(f->layout->tstate_cframe));
	fake_enter_from(f, state, nothing + 4096, nothing);
	expect(f, SCRY_WALK_ENTERING, 0);
	fake_enter_from(f, state, frame, nothing);
	expect(f, SCRY_WALK_OK, 1);
	image_u64(&f->image, cframe + OFF(f->layout->cframe_previous), nothing);
	expect(f, SCRY_WALK_ENTERING, 0);
	image_u64(&f->image, cframe + OFF(f->layout->cframe_previous), zeros);
	expect(f, SCRY_WALK_ENTERING, 0);
	/* But the thread's first entry has no frame before it: what cannot be read then is no link that is still to be set. */
	zeros = state + OFF(f->layout->tstate_root_cframe);
	image_u64(&f->image, zeros + OFF(f->layout->cframe_current_frame), 0);
	image_u64(&f->image, cframe + OFF(f->layout->cframe_previous), zeros);
	expect(f, SCRY_WALK_FRAME_FAULT, 0);
}

FOR_EACH_ROW(says_that_an_entry_is_not_linked_yet, unlinked_entries)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walks_two_frames),
		cmocka_unit_test(trusts_no_frame_that_is_being_entered),
		cmocka_unit_test(says_that_an_entry_is_not_linked_yet),
		cmocka_unit_test(stops_at_a_wild_pointer),
		cmocka_unit_test(says_that_a_thread_without_frames_has_not_started),
		cmocka_unit_test(cuts_a_cycle),
		cmocka_unit_test(keeps_what_it_read_before_a_page_that_is_not_there),
		cmocka_unit_test(walks_as_deep_as_allowed_and_says_when_there_is_more),
		cmocka_unit_test(leaves_out_the_interpreters_own_frames),
		cmocka_unit_test(takes_tags_off_references),
		cmocka_unit_test(finds_the_place_in_a_copy_of_the_bytecode),
		cmocka_unit_test(takes_no_impossible_place_for_an_instruction),
		cmocka_unit_test(refuses_what_is_no_code_object),
		cmocka_unit_test(says_that_a_code_object_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
