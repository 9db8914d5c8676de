// SPDX-License-Identifier: GPL-2.0-only
/* Interning: of pairs of numbers, and of texts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "profiler/base/intern.h"
#include "profiler/base/table.h"

#define MANY 100000

static void numbers_pairs_in_order_of_arrival(void **state)
{
	struct table table = { 0 };

	assert_int_equal(table_find(&table, 1, 2), 0);
	assert_int_equal(table_put(&table, 1, 2), 1);
	assert_int_equal(table_put(&table, 2, 1), 2);
	assert_int_equal(table_put(&table, 0, 0), 3);
	assert_int_equal(table_put(&table, 1, 2), 1);
	assert_int_equal(table_find(&table, 0, 0), 3);
	assert_int_equal(table_find(&table, 1, 1), 0);
	assert_int_equal(table.count, 3);
	assert_int_equal(table.keys[2].a, 2);
	table_deinit(&table);
}

static void keeps_pairs_while_growing(void **state)
{
	struct table table = { 0 };

	/* Keys that differ in few bits, as indices and addresses do. */
	for (uint64_t i = 0; i < MANY; i++)
		assert_int_equal(table_put(&table, i << 32, i % 7), i + 1);
	for (uint64_t i = 0; i < MANY; i++)
		assert_int_equal(table_find(&table, i << 32, i % 7), i + 1);
	assert_int_equal(table_find(&table, (uint64_t)MANY << 32, 0), 0);
	table_deinit(&table);
}

static void begins_anew_when_cleared(void **state)
{
	struct table table = { 0 };

	for (uint64_t i = 0; i < 100; i++)
		table_put(&table, i, i);
	table_clear(&table);
	assert_int_equal(table_find(&table, 5, 5), 0);
	assert_int_equal(table_put(&table, 7, 7), 1);
	table_deinit(&table);
}

static void numbers_texts_in_order_of_arrival(void **state)
{
	struct intern intern = { 0 };

	assert_int_equal(intern_find(&intern, "a", 1), 0);
	assert_int_equal(intern_put(&intern, "a", 1), 1);
	assert_int_equal(intern_put(&intern, "ab", 2), 2);
	assert_int_equal(intern_put(&intern, "", 0), 3);
	assert_int_equal(intern_put(&intern, "ab\0c", 4), 4);
	assert_int_equal(intern_put(&intern, "a", 1), 1);
	assert_int_equal(intern_put(&intern, "abc", 2), 2);
	assert_int_equal(intern_find(&intern, "b", 1), 0);
	assert_int_equal(intern_size(&intern, 4), 4);
	assert_string_equal(intern_text(&intern, 2), "ab");
	intern_deinit(&intern);
}

static void keeps_texts_while_growing(void **state)
{
	struct intern intern = { 0 };
	char text[32];

	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < MANY; i++) {
			int size = snprintf(text, sizeof(text), "name_%u", i);

			assert_int_equal(intern_put(&intern, text, (size_t)size), i + 1);
		}
	assert_string_equal(intern_text(&intern, MANY), "name_99999");
	intern_deinit(&intern);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_pairs_in_order_of_arrival),
		cmocka_unit_test(keeps_pairs_while_growing),
		cmocka_unit_test(begins_anew_when_cleared),
		cmocka_unit_test(numbers_texts_in_order_of_arrival),
		cmocka_unit_test(keeps_texts_while_growing),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
