// SPDX-License-Identifier: GPL-2.0-only
/* What buffer writes, cursor reads; what is no number of buffer's, cursor refuses. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "profiler/base/buffer.h"
#include "profiler/base/cursor.h"

static void gives_back_numbers(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, INT64_MAX,
		UINT64_MAX };
	struct buffer buffer = { 0 };
	struct cursor cursor;

	for (size_t i = 0; i < 9; i++)
		buffer_put_number(&buffer, numbers[i]);
	cursor = cursor_over(buffer.bytes, buffer.size);
	for (size_t i = 0; i < 9; i++)
		assert_true(cursor_number(&cursor) == numbers[i]);
	assert_false(cursor.bad);
	assert_false(cursor_more(&cursor));
	buffer_deinit(&buffer);
}

static void gives_back_signed_numbers_small_ones_in_a_byte(void **state)
{
	static const int64_t numbers[] = { 0, -1, 63, -64, 64, INT64_MAX, INT64_MIN };
	struct buffer buffer = { 0 };
	struct cursor cursor;

	for (size_t i = 0; i < 7; i++) {
		buffer_put_signed(&buffer, numbers[i]);
		if (i == 3)
			assert_int_equal(buffer.size, 4);
	}
	cursor = cursor_over(buffer.bytes, buffer.size);
	for (size_t i = 0; i < 7; i++)
		assert_true(cursor_signed(&cursor) == numbers[i]);
	assert_false(cursor.bad);
	buffer_deinit(&buffer);
}

static void refuses_a_number_cut_short_or_too_long(void **state)
{
	static const unsigned char cut[] = { 0x80, 0x80 };
	static const unsigned char endless[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 1 };
	static const unsigned char too_large[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 2 };
	struct cursor cursor = cursor_over(cut, sizeof(cut));

	assert_int_equal(cursor_number(&cursor), 0);
	assert_true(cursor.bad);
	cursor = cursor_over(endless, sizeof(endless));
	assert_int_equal(cursor_number(&cursor), 0);
	assert_true(cursor.bad);
	assert_false(cursor_more(&cursor));
	cursor = cursor_over(too_large, sizeof(too_large));
	assert_int_equal(cursor_number(&cursor), 0);
	assert_true(cursor.bad);
	cursor = cursor_over(cut, 0);
	assert_int_equal(cursor_number(&cursor), 0);
	assert_true(cursor.bad);
}

static void refuses_an_index_at_the_limit(void **state)
{
	static const unsigned char bytes[] = { 4, 5 };
	struct cursor cursor = cursor_over(bytes, sizeof(bytes));

	assert_int_equal(cursor_below(&cursor, 5), 4);
	assert_false(cursor.bad);
	assert_int_equal(cursor_below(&cursor, 5), 0);
	assert_true(cursor.bad);
}

static void keeps_a_part_inside_the_whole(void **state)
{
	static const unsigned char bytes[] = { 2, 'a', 'b', 9, 'c' };
	struct cursor cursor = cursor_over(bytes, sizeof(bytes)), part = cursor_part(&cursor);

	assert_int_equal(part.end - part.at, 2);
	assert_int_equal(*part.at, 'a');
	part = cursor_part(&cursor);
	assert_true(part.bad);
	assert_true(cursor.bad);
	assert_false(cursor_more(&part));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_numbers),
		cmocka_unit_test(gives_back_signed_numbers_small_ones_in_a_byte),
		cmocka_unit_test(refuses_a_number_cut_short_or_too_long),
		cmocka_unit_test(refuses_an_index_at_the_limit),
		cmocka_unit_test(keeps_a_part_inside_the_whole),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
