// SPDX-License-Identifier: GPL-2.0-only
/* Laying C frames and interpreted ones together. The binary is this program; its "eval function" is at 0x1000. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/mixed.h"
#include "runtimes/native/binaries.h"
#include "runtimes/runtime.h"

static const struct runtime_binary runtime;
static struct native_binaries *binaries;
static struct mixed mixed;
static struct {
	struct scry_sample sample;
	struct scry_frame room[64];
} s;

static int put_block(void *ctx, __u32 index, const struct native_block *block)
{
	return 0;
}

static int put_page(void *ctx, __u32 index, const struct native_page *page)
{
	return 0;
}

static int put_rule(void *ctx, __u32 number, const struct native_rule *rule)
{
	return 0;
}

/* Binary 1 is the interpreter, 2 a library. */
static int setup(void **state)
{
	static const struct native_tables_ops ops = { put_block, put_page, put_rule };
	struct native_binary *binary;

	memset(&s, 0, sizeof(s));
	if (native_binaries_create(&ops, NULL, false, &binaries))
		return -1;
	native_binaries_expect(binaries, "/proc/self/exe");
	native_binaries_expect(binaries, "/bin/sh");
	binary = native_binaries_at(binaries, 1);
	if (!binary || !native_binaries_at(binaries, 2))
		return -1;
	binary->runtime = &runtime;
	binary->eval[0] = (struct elf_range){ .address = 0x1000, .size = 0x100 };
	binary->eval[1] = (struct elf_range){ .address = 0x9000, .size = 0x10 };
	binary->evals = 2;
	mixed = (struct mixed){ .binaries = binaries };
	return 0;
}

static int teardown(void **state)
{
	mixed_deinit(&mixed);
	native_binaries_destroy(binaries);
	return 0;
}

/*
 * Frames leaf first, by a letter each: E eval, e its other part, i a function of the interpreter, c one of the library, j made at
 * run time; interpreted ones by their number, behind each how often C entered there.
 */
static void sample(const char *native, const char *interpreted)
{
	struct scry_frame *at = s.sample.frames;

	memset(&s, 0, sizeof(s));
	for (; *interpreted; interpreted += 2, s.sample.count++)
		*at++ = (struct scry_frame){ (__u32)(interpreted[0] - '0') | (__u32)(interpreted[1] - '0') << SCRY_ENTRIES_SHIFT, 7 };
	for (; *native; native++, s.sample.native++) {
		__u32 binary = *native == 'c' ? 2 : 1;
		__s32 address = *native == 'E' ? 0x1010 : *native == 'e' ? 0x900f : *native == 'i' ? 0x2000 : 0x3000;

		*at++ = (struct scry_frame){ (*native == 'j' ? SCRY_FRAME_ADDRESS : SCRY_FRAME_NATIVE) << SCRY_FRAME_SHIFT | binary,
					     address };
	}
}

/* In the same letters; k: of the kernel. */
static const char *laid(void)
{
	static char text[128];
	size_t n = 0;

	for (size_t i = 0; i < mixed.count && n < sizeof(text) - 1; i++) {
		const struct scry_frame *f = &mixed.frames[i];

		switch (f->code >> SCRY_FRAME_SHIFT) {
		case SCRY_FRAME_INTERPRETED:
			text[n++] = (char)('0' + f->code);
			break;
		case SCRY_FRAME_KERNEL:
			text[n++] = 'k';
			break;
		case SCRY_FRAME_ADDRESS:
			text[n++] = 'j';
			break;
		default:
			text[n++] = (f->code & SCRY_FRAME_LOW) == 2 ? 'c' : f->at == 0x1010 ? 'E' : f->at == 0x900f ? 'e' : 'i';
		}
	}
	text[n] = 0;
	return text;
}

static void expect(const char *native, const char *interpreted, enum scry_walk_error error, const char *folded, const char *all)
{
	sample(native, interpreted);
	mixed.all = false;
	assert_int_equal(mixed_lay(&mixed, &s.sample), error);
	assert_string_equal(laid(), folded);
	mixed.all = true;
	assert_int_equal(mixed_lay(&mixed, &s.sample), error);
	assert_string_equal(laid(), all);
}

static void calls_of_eval_are_the_frames_they_run(void **state)
{
	expect("cEiiEc", "102131", SCRY_WALK_OK, "c123c", "c12Eii3Ec");
	expect("EEEi", "112131", SCRY_WALK_OK, "123i", "1E2E3Ei");
	expect("iieicEc", "1121", SCRY_WALK_OK, "ii1c2c", "ii1eic2Ec");
}

/* The last C frame is kept whosever it is, and what is called last. */
static void what_only_leads_on_is_left_out(void **state)
{
	expect("iicEiiiEiii", "1121", SCRY_WALK_OK, "iic12i", "iic1Eiii2Eiii");
	expect("ciEcjicEi", "1121", SCRY_WALK_OK, "ci1cjc2i", "ci1Ecjic2Ei");
	expect("ccc", "", SCRY_WALK_OK, "ccc", "ccc");
	/* What the interpreter has compiled, eval runs. */
	expect("jjEc", "11", SCRY_WALK_OK, "1c", "jj1Ec");
	expect("cijEcijEc", "1121", SCRY_WALK_OK, "ci1c2c", "cij1Ecij2Ec");
	expect("jcEcjiEc", "1121", SCRY_WALK_OK, "jc1cj2c", "jc1Ecji2Ec");
}

/* A call of eval that has no frame of the program: one that returns while it clears what it has. */
static void a_call_may_run_nothing(void **state)
{
	expect("iEiEiEc", "1221", SCRY_WALK_OK, "i12c", "i1EiEi2Ec");
	sample("iEcEc", "11");
	s.sample.entries = 1;
	mixed.all = false;
	assert_int_equal(mixed_lay(&mixed, &s.sample), SCRY_WALK_OK);
	assert_string_equal(laid(), "ic1c");
}

/* The innermost call begins, or ends: it has no frame yet, or any more. It alone may be one too many. */
static void the_innermost_call_may_not_be_linked(void **state)
{
	expect("EiEc", "11", SCRY_WALK_OK, "Ei1c", "Ei1Ec");
	expect("iEiEiEc", "11", SCRY_WALK_NATIVE_MISMATCH, "i1", "i1");
	expect("Ec", "1121", SCRY_WALK_NATIVE_MISMATCH, "12", "12");
	expect("EEEEEEEEEE", "1721", SCRY_WALK_NATIVE_MISMATCH, "12", "12");
}

static void of_walks_that_did_not_end_nothing_is_guessed(void **state)
{
	sample("cEcEc", "1121");
	mixed.all = false;
	s.sample.native_error = SCRY_WALK_NATIVE_NO_RULE;
	assert_int_equal(mixed_lay(&mixed, &s.sample), SCRY_WALK_NATIVE_NO_RULE);
	assert_string_equal(laid(), "c12");
	s.sample.error = SCRY_WALK_TRUNCATED;
	assert_int_equal(mixed_lay(&mixed, &s.sample), SCRY_WALK_TRUNCATED);
	assert_string_equal(laid(), "c12");
	/* A thread of C that the interpreter does not know is whole; with a call of eval in it, it should have been known. */
	sample("ccc", "");
	s.sample.error = SCRY_WALK_NO_THREAD_STATE;
	assert_int_equal(mixed_lay(&mixed, &s.sample), SCRY_WALK_OK);
	assert_string_equal(laid(), "ccc");
	sample("cEc", "");
	s.sample.error = SCRY_WALK_NO_THREAD_STATE;
	assert_int_equal(mixed_lay(&mixed, &s.sample), SCRY_WALK_NO_THREAD_STATE);
	assert_string_equal(laid(), "c");
}

/* A language whose calls are not known on the C stack. */
static void another_language_stands_apart(void **state)
{
	expect("cic", "1020", SCRY_WALK_NATIVE_APART, "c12", "c12");
}

static void the_kernel_is_called_last(void **state)
{
	__u64 address = 0xffffffff81000130;

	sample("cEc", "11");
	memcpy(&s.sample.frames[s.sample.count + s.sample.native], &address, sizeof(address));
	s.sample.kernel = 1;
	mixed.all = false;
	assert_int_equal(mixed_lay(&mixed, &s.sample), SCRY_WALK_OK);
	assert_string_equal(laid(), "kc1c");
	assert_int_equal((__u32)mixed.frames[0].at, 0x81000130);
	assert_int_equal(mixed.frames[0].code & SCRY_FRAME_LOW, 0x1fffffff);
	/* Alone. */
	sample("", "11");
	memcpy(&s.sample.frames[1], &address, sizeof(address));
	s.sample.kernel = 1;
	assert_int_equal(mixed_lay(&mixed, &s.sample), SCRY_WALK_OK);
	assert_string_equal(laid(), "k1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(calls_of_eval_are_the_frames_they_run, setup, teardown),
		cmocka_unit_test_setup_teardown(what_only_leads_on_is_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(a_call_may_run_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(the_innermost_call_may_not_be_linked, setup, teardown),
		cmocka_unit_test_setup_teardown(of_walks_that_did_not_end_nothing_is_guessed, setup, teardown),
		cmocka_unit_test_setup_teardown(another_language_stands_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(the_kernel_is_called_last, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
