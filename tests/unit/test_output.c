// SPDX-License-Identifier: GPL-2.0-only
/* What the formats make of a capture. */
#include "capture_text.h"

static const struct output_options plain;

/* 60 ms in work (recursive), 30 in helper, 10 with nothing read. */
static struct profile *sample_profile(void)
{
	struct test_file f;

	test_open(&f);
	for (int i = 0; i < 3; i++)
		test_sample(&f, (uint64_t)(10 + i * 10), "main:/srv/app.py:1:9 work:/srv/app.py:4:5 work:/srv/app.py:4:6", NULL);
	for (int i = 3; i < 6; i++)
		test_sample(&f, (uint64_t)(10 + i * 10), "main:/srv/app.py:1:9 work:/srv/app.py:4:7", NULL);
	for (int i = 6; i < 9; i++)
		test_sample(&f, (uint64_t)(10 + i * 10), "main:/srv/app.py:1:9 helper:/srv/lib.py:8:8", NULL);
	test_sample(&f, 100, "", "thread outside the interpreter");
	return test_close(&f, 200);
}

#define check_output(sink, options, expected) check_text(test_output(p, sink, options), expected)

static void check_text(char *text, const char *expected)
{
	assert_string_equal(text, expected);
	free(text);
}

static void folds_stacks_root_first_with_defining_lines(void **state)
{
	struct profile *p = sample_profile();

	check_output(&sink_folded, &plain,
		     "main (/srv/app.py:1);work (/srv/app.py:4) 3\n"
		     "main (/srv/app.py:1);work (/srv/app.py:4);work (/srv/app.py:4) 3\n"
		     "main (/srv/app.py:1);helper (/srv/lib.py:8) 3\n"
		     "[thread outside the interpreter] 1\n");
	profile_destroy(p);
}

static void folds_executed_lines_when_asked(void **state)
{
	const struct output_options lines = { .lines = true };
	struct profile *p = sample_profile();

	check_output(&sink_folded, &lines,
		     "main (/srv/app.py:9);work (/srv/app.py:5);work (/srv/app.py:6) 3\n"
		     "main (/srv/app.py:9);work (/srv/app.py:7) 3\n"
		     "main (/srv/app.py:9);helper (/srv/lib.py:8) 3\n"
		     "[thread outside the interpreter] 1\n");
	profile_destroy(p);
}

static void adds_process_and_thread_as_roots(void **state)
{
	const struct output_options roots = { .root_process = true, .root_thread = true, .func = "helper" };
	struct profile *p = sample_profile();

	check_output(&sink_folded, &roots,
		     "python3 (pid 4711);MainThread (tid 4711);main (/srv/app.py:1);helper (/srv/lib.py:8) 3\n");
	profile_destroy(p);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds_stacks_root_first_with_defining_lines),
		cmocka_unit_test(folds_executed_lines_when_asked),
		cmocka_unit_test(adds_process_and_thread_as_roots),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
