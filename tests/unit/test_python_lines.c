// SPDX-License-Identifier: GPL-2.0-only
/* Line tables: what 15 builds of CPython compiled (tests/vectors), and what none of them would. */
#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "runtimes/python/python.h"

#define VECTORS "tests/vectors"
#define MAX_TABLE 65536

static const char *const formats[] = {
	[PYTHON_LNOTAB_UNSIGNED] = "unsigned-lnotab",
	[PYTHON_LNOTAB] = "lnotab",
	[PYTHON_LINETABLE] = "linetable",
	[PYTHON_LOCATIONS] = "locations",
};

static enum python_lines format_of(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i], name))
			return i;
	fail_msg("no such format: %s", name);
	return 0;
}

static size_t unhex(const char *hex, unsigned char *ret)
{
	unsigned byte;
	size_t n = 0;

	for (; n < MAX_TABLE && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		ret[n++] = byte;
	return n;
}

/* One code object: every offset of every span. Returns the number of offsets looked at. */
static int check_vector(const char *path, char *line)
{
	static unsigned char table[MAX_TABLE];
	char *save, *format = strtok_r(line, " \n", &save), *name = strtok_r(NULL, " \n", &save);
	int first = atoi(strtok_r(NULL, " \n", &save)), known = first, count = 0, start, end;
	size_t size = unhex(strtok_r(NULL, " \n", &save), table);
	char *span, text[16];

	while ((span = strtok_r(NULL, " \n", &save))) {
		assert_int_equal(sscanf(span, "%d-%d:%15s", &start, &end, text), 3);
		if (strcmp(text, "-")) /* without a line: the one before stands */
			known = atoi(text);
		for (int at = start; at < end; at++, count++) {
			int got = python_table_line(format_of(format), table, size, first, at);

			if (got != known)
				fail_msg("%s: %s at %d: line %d, not %d", path, name, at, got,
					 known);
		}
	}
	return count;
}

static int check_file(const char *name)
{
	char path[300], *line = NULL;
	size_t room = 0;
	int count = 0;
	FILE *f;

	snprintf(path, sizeof(path), VECTORS "/%s", name);
	f = fopen(path, "r");
	assert_non_null(f);
	while (getline(&line, &room, f) > 0)
		if (*line != '#')
			count += check_vector(name, line);
	free(line);
	fclose(f);
	return count;
}

static void agrees_with_every_build(void **state)
{
	DIR *dir = opendir(VECTORS);
	struct dirent *entry;
	int files = 0, count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "lines-", 6)) {
			count += check_file(entry->d_name);
			files++;
		}
	closedir(dir);
	assert_int_equal(files, 12);
	assert_true(count > 50000);
}

static int line_of(enum python_lines format, const char *table, size_t size, int at)
{
	return python_table_line(format, (const unsigned char *)table, size, 10, at);
}

static void before_the_first_instruction_is_the_first_line(void **state)
{
	assert_int_equal(line_of(PYTHON_LNOTAB, "\0\5", 2, SCRY_AT_NONE), 10);
	assert_int_equal(line_of(PYTHON_LOCATIONS, "\xf0\3", 2, SCRY_AT_NONE), 10);
}

static void an_empty_table_has_the_first_line(void **state)
{
	for (int format = 0; format < 4; format++)
		assert_int_equal(line_of(format, "", 0, 100), 10);
}

static void half_a_pair_is_ignored(void **state)
{
	assert_int_equal(line_of(PYTHON_LNOTAB, "\2\1\4", 3, 100), 11);
	assert_int_equal(line_of(PYTHON_LINETABLE, "\2\1\4", 3, 100), 11);
}

static void behind_the_end_the_last_line_stands(void **state)
{
	assert_int_equal(line_of(PYTHON_LINETABLE, "\2\1\2\1", 4, 1 << 20), 12);
	/* two entries of one unit each, "same line" then "next line" */
	assert_int_equal(line_of(PYTHON_LOCATIONS, "\x80\0\xd8\0\0", 5, 1 << 20), 11);
}

static void a_range_without_a_line_keeps_the_one_before(void **state)
{
	assert_int_equal(line_of(PYTHON_LINETABLE, "\4\2\4\x80\4\1", 6, 5), 12);
	assert_int_equal(line_of(PYTHON_LOCATIONS, "\xe8\4\xf8", 3, 2), 12);
	assert_int_equal(line_of(PYTHON_LOCATIONS, "\xf8\xe8\4", 3, 0), 10);
}

static void a_long_number_ends_with_the_table(void **state)
{
	char table[1000];

	memset(table, 0x7f, sizeof(table));
	table[0] = '\xf0';
	assert_true(line_of(PYTHON_LOCATIONS, table, sizeof(table), 0) > 0);
}

static void a_line_outside_of_int_is_none(void **state)
{
	/* svarint of 30 set bits, twice: the sum leaves int, and then goes below zero */
	static const char up[] = "\xe8\x7e\x7f\x7f\x7f\x7f\3\xe8\x7e\x7f\x7f\x7f\x7f\3";
	static const char down[] = "\xe8\x7f\x7f\x7f\x7f\x7f\3";

	assert_int_equal(line_of(PYTHON_LOCATIONS, up, sizeof(up) - 1, 3), 10);
	assert_int_equal(line_of(PYTHON_LOCATIONS, down, sizeof(down) - 1, 0), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_every_build),
		cmocka_unit_test(before_the_first_instruction_is_the_first_line),
		cmocka_unit_test(an_empty_table_has_the_first_line),
		cmocka_unit_test(half_a_pair_is_ignored),
		cmocka_unit_test(behind_the_end_the_last_line_stands),
		cmocka_unit_test(a_range_without_a_line_keeps_the_one_before),
		cmocka_unit_test(a_long_number_ends_with_the_table),
		cmocka_unit_test(a_line_outside_of_int_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
