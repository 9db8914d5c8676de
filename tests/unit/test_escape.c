// SPDX-License-Identifier: GPL-2.0-only
/* No name gets through to an output that could not bear it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profiler/base/escape.h"

#define BAD "\xef\xbf\xbd"	/* U+FFFD */

static void check(void (*escape)(FILE *to, const char *text), const char *text, const char *expected)
{
	char *got = NULL;
	size_t size;
	FILE *to = open_memstream(&got, &size);

	escape(to, text);
	fclose(to);
	assert_string_equal(got, expected);
	free(got);
}

static void check_fit(const char *text, unsigned cells, const char *expected)
{
	char *got = escape_fit(text, cells);

	assert_string_equal(got, expected);
	free(got);
}

static void replaces_bytes_that_are_not_utf8(void **state)
{
	check(escape_folded, "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d",
	      "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d");
	check(escape_folded, "a\xff", "a" BAD);
	check(escape_folded, "\xc3", BAD);		/* cut */
	check(escape_folded, "\xe2\x82", BAD BAD);
	check(escape_folded, "\xe2(\xac", BAD "(" BAD);
	check(escape_folded, "\xc0\xaf", BAD BAD);	/* a slash in two bytes */
	check(escape_folded, "\xe0\x80\xaf", BAD BAD BAD);
	check(escape_folded, "\xed\xa0\x80", BAD BAD BAD);	/* half of a surrogate pair */
	check(escape_folded, "\xf4\x90\x80\x80", BAD BAD BAD BAD);	/* beyond U+10FFFF */
	check(escape_folded, "\xf8\x88\x80\x80\x80", BAD BAD BAD BAD BAD);
}

static void leaves_no_semicolon_or_line_end_in_a_folded_frame(void **state)
{
	check(escape_folded, "a;b\nc\rd\te\x01\x7f", "a:b?c?d?e??");
	check(escape_folded, "a\xc2\x85" "b\xe2\x80\xa8" "c", "a?b?c");
	check(escape_folded, "<lambda> (a b.py:3)", "<lambda> (a b.py:3)");
}

static void quotes_for_json(void **state)
{
	check(escape_json, "say \"hi\" \\ \n\x1b\x7f", "\"say \\\"hi\\\" \\\\ \\u000a\\u001b\\u007f\"");
	check(escape_json, "\xff\xe2\x80\xa8", "\"" BAD "\\u2028\"");
	check(escape_json, "", "\"\"");
}

static void lets_no_escape_sequence_reach_the_terminal(void **state)
{
	check(escape_terminal, "\033[2J\033]0;x\007", "\\x1b[2J\\x1b]0;x\\x07");
	check(escape_terminal, "\xc2\x9b" "31m", "\\u009b31m");	/* CSI in one character */
	check(escape_terminal, "\x9b" "31m", BAD "31m");
	check(escape_terminal, "a\xe2\x80\xae" "b", "a\\u202eb");	/* right-to-left override */
	check(escape_terminal, "a\nb\r\x7f", "a\\x0ab\\x0d\\x7f");
}

static void counts_cells_not_bytes(void **state)
{
	assert_int_equal(escape_width("abc"), 3);
	assert_int_equal(escape_width("caf\xc3\xa9"), 4);
	assert_int_equal(escape_width("\xe6\xbc\xa2\xe5\xad\x97"), 4);
	assert_int_equal(escape_width("e\xcc\x81"), 1);
	assert_int_equal(escape_width("\xf0\x9f\x90\x8d"), 2);
}

static void gives_way_in_the_middle(void **state)
{
	check_fit("very_long_name", 14, "very_long_name");
	check_fit("very_long_name", 9, "very\xe2\x80\xa6name");
	check_fit("very_long_name", 8, "ver\xe2\x80\xa6name");
	check_fit("very_long_name", 1, "\xe2\x80\xa6");
	check_fit("very_long_name", 0, "");
	check_fit("", 5, "");
}

static void fits_wide_and_hostile_names(void **state)
{
	static const char wide[] =
		"\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97";
	char *huge = malloc(10001);

	for (unsigned cells = 0; cells < 14; cells++) {
		char *fit = escape_fit(wide, cells);

		assert_true(escape_width(fit) <= cells);
		assert_true(cells < 12 || !strcmp(fit, wide));
		free(fit);
	}
	memset(huge, '\033', 10000);
	huge[10000] = '\0';
	for (unsigned cells = 1; cells < 40; cells++) {
		char *fit = escape_fit(huge, cells);

		assert_int_equal(escape_width(fit), cells);
		assert_null(strchr(fit, '\033'));
		free(fit);
	}
	free(huge);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_bytes_that_are_not_utf8),
		cmocka_unit_test(leaves_no_semicolon_or_line_end_in_a_folded_frame),
		cmocka_unit_test(quotes_for_json),
		cmocka_unit_test(lets_no_escape_sequence_reach_the_terminal),
		cmocka_unit_test(counts_cells_not_bytes),
		cmocka_unit_test(gives_way_in_the_middle),
		cmocka_unit_test(fits_wide_and_hostile_names),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
