// SPDX-License-Identifier: GPL-2.0-only
/* Arguments of markers, as compilers write them, and what they must not be taken for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "profiler/base/cleanup.h"
#include "runtimes/marker.h"

struct known {
	const char *text;
	unsigned n, reg, in_memory, size, is_signed;
	int number;
};

static void arguments_are_read(void **state)
{
	/* Texts are of Debian's and Ubuntu's interpreters, where they are not of one argument. */
	static const struct known all[] = {
		{ "8@%rbx 8@%r15", 0, 4, 0, 8, 0, 0 },
		{ "8@%rbx 8@%r15", 1, 16, 0, 8, 0, 0 },
		{ "-8@%r12", 0, 13, 0, 8, 1, 0 },
		{ "-4@112(%rsp)", 0, 5, 1, 4, 1, 112 },
		{ "-4@-228(%rbp)", 0, 6, 1, 4, 1, -228 },
		{ "8@%r14 8@%rax -4@%r13d", 2, 14, 0, 4, 1, 0 },
		{ "8@%r14 8@%rax -4@%ebp", 2, 6, 0, 4, 1, 0 },
		{ "2@%cx", 0, 2, 0, 2, 0, 0 },
		{ "1@%sil", 0, 7, 0, 1, 0, 0 },
		{ "1@%r9b", 0, 10, 0, 1, 0, 0 },
		{ "-2@%r8w", 0, 9, 0, 2, 1, 0 },
		{ "8@(%rax)", 0, 1, 1, 8, 0, 0 },
		{ "-4@$-1", 0, 0, 0, 4, 1, -1 },
		{ "8@$0x10", 0, 0, 0, 8, 0, 16 },
		{ "4@$262143", 0, 0, 0, 4, 0, 262143 },
		{ "4@$-262144", 0, 0, 0, 4, 0, -262144 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		__u32 arg = 0;

		assert_int_equal(marker_argument(all[i].text, all[i].n, &arg), 0);
		assert_true(arg < 1u << 28);
		assert_int_equal(MARKER_REGISTER(arg), all[i].reg);
		assert_int_equal(MARKER_IN_MEMORY(arg), all[i].in_memory);
		assert_int_equal(MARKER_SIZE(arg), all[i].size);
		assert_int_equal(MARKER_SIGNED(arg), all[i].is_signed);
		assert_int_equal(MARKER_NUMBER(arg), all[i].number);
	}
}

static void others_are_refused(void **state)
{
	static const char *const all[] = {
		"8@%xmm0", "8@8(%rsp,%rax,8)", "8@global+4(%rip)", "8@4(%rip)", "3@%rax", "16@%rax", "@%rax", "8", "8%rax",
		"8@", "8@$", "8@%", "8@()", "8@(%)", "8@8(%rax", "8@8(rax)", "8@%r16", "8@%r7", "8@%r9x", "8@%rr", "8@%ah",
		"4@$262144", "4@$-262145", "8@262144(%rax)", "8@$5x", "8@%raxrax", "8@99999999999999999999(%rax)", "x@%rax",
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		__u32 arg;

		if (marker_argument(all[i], 0, &arg) != -ENOTSUP)
			fail_msg("%s", all[i]);
	}
}

static void one_that_is_not_there_is_told(void **state)
{
	__u32 arg;

	assert_int_equal(marker_argument("", 0, &arg), -ENOENT);
	assert_int_equal(marker_argument("  ", 0, &arg), -ENOENT);
	assert_int_equal(marker_argument("8@%rax", 1, &arg), -ENOENT);
	assert_int_equal(marker_argument("8@%rax  ", 1, &arg), -ENOENT);
}

static void two_fit_below_the_site(void **state)
{
	__u32 first, second;
	__u64 cookie;

	assert_int_equal(marker_argument("-4@-228(%r15) 8@$-1", 0, &first), 0);
	assert_int_equal(marker_argument("-4@-228(%r15) 8@$-1", 1, &second), 0);
	cookie = 0xffull << 56 | (__u64)second << 28 | first;
	assert_int_equal(MARKER_ARGUMENT(cookie, 0), first);
	assert_int_equal(MARKER_ARGUMENT(cookie, 1), second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_read),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(one_that_is_not_there_is_told),
		cmocka_unit_test(two_fit_below_the_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
