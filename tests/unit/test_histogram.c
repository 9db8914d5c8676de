// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "profiler/histogram.h"

static void a_bucket_holds_what_is_put_into_it(void **state)
{
	for (uint64_t ns = 0; ns < 1ull << 41; ns = ns < 64 ? ns + 1 : ns + ns / 7) {
		uint32_t bucket = hist_bucket(ns);

		assert_true(bucket < SCRY_HIST_BUCKETS);
		assert_true(ns >= hist_least(bucket));
		assert_true(ns < hist_least(bucket) + hist_width(bucket));
		assert_true(hist_width(bucket) == 1 || hist_width(bucket) * 8 <= hist_least(bucket));
	}
}

static void buckets_touch_each_other(void **state)
{
	for (uint32_t i = 0; i + 1 < SCRY_HIST_BUCKETS; i++)
		assert_int_equal(hist_least(i) + hist_width(i), hist_least(i + 1));
	assert_int_equal(hist_bucket(UINT64_MAX), SCRY_HIST_BUCKETS - 1);
}

static void quantiles_are_at_most_a_sixteenth_off(void **state)
{
	struct histogram h = { 0 };

	for (uint64_t us = 1; us <= 1000; us++)
		histogram_add(&h, us * 1000);
	for (int percent = 1; percent <= 100; percent++) {
		double exact = percent * 10000.0, got = (double)histogram_quantile(&h, percent / 100.0, 1000000);

		assert_true(got > exact * 15 / 16 - 1000 && got < exact * 17 / 16 + 1000);
	}
	assert_int_equal(histogram_quantile(&h, 1, 990000), 990000);
}

static void quantiles_of_few_or_none(void **state)
{
	struct histogram h = { 0 };

	assert_int_equal(histogram_quantile(&h, 0.5, 0), 0);
	histogram_add(&h, 5);
	assert_int_equal(histogram_quantile(&h, 0.5, 5), 5);
	assert_int_equal(histogram_quantile(&h, 0.99, 5), 5);
	histogram_add(&h, 7);
	assert_int_equal(histogram_quantile(&h, 0.5, 7), 5);
	assert_int_equal(histogram_quantile(&h, 0.51, 7), 7);
}

static void bars_show_what_is_there_at_all(void **state)
{
	struct histogram h = { 0 };
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	for (int i = 0; i < 71; i++)
		histogram_add(&h, 600000);
	histogram_add(&h, 5000000);
	histogram_print(&h, to, 10);
	fclose(to);
	assert_string_equal(text, "  524 µs |@@@@@@@@@@| 71\n"
				  " 1.05 ms |          | 0\n"
				  " 2.10 ms |          | 0\n"
				  " 4.19 ms |@         | 1\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_holds_what_is_put_into_it),
		cmocka_unit_test(buckets_touch_each_other),
		cmocka_unit_test(quantiles_are_at_most_a_sixteenth_off),
		cmocka_unit_test(quantiles_of_few_or_none),
		cmocka_unit_test(bars_show_what_is_there_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
