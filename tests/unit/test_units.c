// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "profiler/base/cleanup.h"
#include "profiler/base/units.h"

static void times_get_the_unit_that_fits(void **state)
{
	assert_string_equal(units_ns(0, 0).text, "0 ns");
	assert_string_equal(units_ns(999, 0).text, "999 ns");
	assert_string_equal(units_ns(1000, 0).text, "1.00 µs");
	assert_string_equal(units_ns(4690000, 0).text, "4.69 ms");
	assert_string_equal(units_ns(61000000, 0).text, "61.0 ms");
	assert_string_equal(units_ns(10000000000, 0).text, "10.0 s");
	assert_string_equal(units_ns(90000000000, 0).text, "90.0 s");
	assert_string_equal(units_ns(150000000000, 0).text, "2.50 min");
	assert_string_equal(units_ns(7200000000000, 0).text, "2.00 h");
	assert_string_equal(units_ns(UINT64_MAX, 0).text, "5124096 h");
}

static void rounding_never_shows_a_thousand(void **state)
{
	assert_string_equal(units_ns(999960, 0).text, "1.00 ms");
	assert_string_equal(units_ns(999400, 0).text, "999 µs");
	assert_string_equal(units_ns(9994000, 0).text, "9.99 ms");
	assert_string_equal(units_ns(9996000, 0).text, "10.0 ms");
	assert_string_equal(units_ns(99960000, 0).text, "100 ms");
	assert_string_equal(units_bytes(999999, 0).text, "1.00 MB");
}

static void columns_count_characters_not_bytes(void **state)
{
	assert_string_equal(units_ns(104000, 9).text, "   104 µs");
	assert_string_equal(units_ns(104000000, 9).text, "   104 ms");
	assert_string_equal(units_ns(104000000, 3).text, "104 ms");
}

static void bytes_and_counts(void **state)
{
	assert_string_equal(units_bytes(512, 0).text, "512 B");
	assert_string_equal(units_bytes(21000, 0).text, "21.0 kB");
	assert_string_equal(units_count(987, 0).text, "987");
	assert_string_equal(units_count(48311, 7).text, " 48.3 k");
	assert_string_equal(units_grouped(0, 0).text, "0");
	assert_string_equal(units_grouped(999, 0).text, "999");
	assert_string_equal(units_grouped(48311, 8).text, "  48 311");
	assert_string_equal(units_grouped(UINT64_MAX, 0).text, "18 446 744 073 709 551 615");
}

static void reads_lengths_of_time(void **state)
{
	static const struct {
		const char *text;
		double seconds;
	} rows[] = {
		{ "10", 10 },	   { "1.5", 1.5 },  { ".5", .5 },
		{ "5.", 5 },	   { "500ms", .5 }, { "2m", 120 },
		{ "2min", 120 },   { "1h", 3600 },  { "0", 0 },
		{ "3s", 3 },	   { "7ns", 7e-9 }, { "250us", .00025 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double seconds = -1;

		assert_int_equal(units_parse_seconds(rows[i].text, &seconds), 0);
		assert_float_equal(seconds, rows[i].seconds, 1e-12);
	}
}

static void refuses_what_is_no_length_of_time(void **state)
{
	static const char *const bad[] = {
		"", ".", "-1", "+1", "inf", "nan", "0x10", "1e3", "10x", "1 s", " 1", "1.5.2", "s",
		"ms", "99999999999",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		double seconds = 42;

		assert_int_equal(units_parse_seconds(bad[i], &seconds), -EINVAL);
		assert_float_equal(seconds, 42, 0);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_get_the_unit_that_fits),
		cmocka_unit_test(rounding_never_shows_a_thousand),
		cmocka_unit_test(columns_count_characters_not_bytes),
		cmocka_unit_test(bytes_and_counts),
		cmocka_unit_test(reads_lengths_of_time),
		cmocka_unit_test(refuses_what_is_no_length_of_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
