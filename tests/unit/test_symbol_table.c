// SPDX-License-Identifier: GPL-2.0-only
/* Ranges that overlap in any way, compared with a plain search. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* cmocka needs the above */
#include <cmocka.h>

#include "runtimes/native/symbol_table.h"

enum { ADDRESSES = 300 };

static unsigned next(unsigned *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* The name that should be found: of those at the address, the one of the highest priority. */
static const char *plain_search(const struct symbol_entry *entries, size_t count, uint64_t address)
{
	const struct symbol_entry *best = NULL;

	for (size_t i = 0; i < count; i++)
		if (address >= entries[i].start && address < entries[i].end && (!best || entries[i].priority > best->priority))
			best = &entries[i];
	return best ? best->name : NULL;
}

static void finds_what_a_plain_search_finds(void **state)
{
	static struct symbol_entry entries[64], kept[64];
	static char names[64][24];

	for (unsigned seed = 1, round = 0; round < 300; round++) {
		struct symbol_table table;
		size_t count = next(&seed) % 64;

		for (size_t i = 0; i < count; i++) {
			uint64_t start = next(&seed) % ADDRESSES;

			snprintf(names[i], sizeof(names[i]), "s%zu", i);
			/* Some are empty, and some end where others begin. */
			entries[i] = (struct symbol_entry){
				.start = start, .end = start + next(&seed) % 60, .priority = (uint64_t)next(&seed) << 8 | i,
				.name = names[i], .length = strlen(names[i]),
			};
			kept[i] = entries[i];
		}
		assert_int_equal(symbol_table_make(entries, count, &table), 0);
		for (uint64_t at = 0; at < ADDRESSES + 64; at++) {
			const char *found = symbol_table_find(&table, at), *wanted = plain_search(kept, count, at);

			assert_int_equal(!found, !wanted);
			if (found)
				assert_string_equal(found, wanted);
		}
		symbol_table_deinit(&table);
	}
}

static void reaches_to_the_end_of_memory(void **state)
{
	struct symbol_entry entries[] = {
		{ .start = 0, .end = ~0ull, .priority = 1, .name = "all", .length = 3 },
		{ .start = ~0ull - 8, .end = ~0ull, .priority = 2, .name = "endless", .length = 3 },
	};
	struct symbol_table table;

	assert_int_equal(symbol_table_make(entries, 2, &table), 0);
	assert_string_equal(symbol_table_find(&table, 0), "all");
	assert_string_equal(symbol_table_find(&table, ~0ull - 9), "all");
	assert_string_equal(symbol_table_find(&table, ~0ull - 1), "end");
	assert_null(symbol_table_find(&table, ~0ull));
	symbol_table_deinit(&table);
}

/* Each within the one before, and each over the end of the one before: nothing that takes the square of their number. */
static void many_that_overlap_end_soon(void **state)
{
	enum { MANY = 1 << 18 };
	struct symbol_entry *entries = calloc(MANY, sizeof(*entries));
	struct timespec start, end;
	struct symbol_table table;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	for (int nested = 0; nested < 2; nested++) {
		for (uint64_t i = 0; i < MANY; i++)
			entries[i] = (struct symbol_entry){
				.start = i, .end = nested ? 2ull * MANY - i : i + MANY, .priority = nested ? i : MANY - i,
				.name = "f", .length = 1,
			};
		assert_int_equal(symbol_table_make(entries, MANY, &table), 0);
		assert_string_equal(symbol_table_find(&table, MANY), "f");
		assert_true(table.count <= 2 * MANY + 2);
		symbol_table_deinit(&table);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_true(end.tv_sec - start.tv_sec < 20);
	free(entries);
}

/* A few bytes of a file may stand for any number of names: all that begin in the same text. */
static void names_have_a_limit_together(void **state)
{
	enum { MANY = 70000 };
	struct symbol_entry *entries = calloc(MANY, sizeof(*entries));
	char *text = malloc(SYMBOL_NAME_MAX);
	struct symbol_table table;

	memset(text, 'x', SYMBOL_NAME_MAX);
	for (uint64_t i = 0; i < MANY; i++)
		entries[i] = (struct symbol_entry){ .start = i, .end = i + 1, .priority = i, .name = text, .length = SYMBOL_NAME_MAX };
	assert_int_equal(symbol_table_make(entries, MANY, &table), -E2BIG);
	assert_null(symbol_table_find(&table, 1));
	free(entries);
	free(text);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_a_plain_search_finds),
		cmocka_unit_test(reaches_to_the_end_of_memory),
		cmocka_unit_test(many_that_overlap_end_soon),
		cmocka_unit_test(names_have_a_limit_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
