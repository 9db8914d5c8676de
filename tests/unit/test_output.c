// SPDX-License-Identifier: GPL-2.0-only
/* What the formats make of a capture. */
#include "capture_text.h"

#include <errno.h>

static const struct output_options plain;

/* 60 ms in work (half of it recursive), 30 in helper, 10 with nothing read. */
static struct profile *sample_profile(void)
{
	struct test_file f;
	const char *frames[] = {
		"main:/srv/app.py:1:9 work:/srv/app.py:4:5 work:/srv/app.py:4:6",
		"main:/srv/app.py:1:9 work:/srv/app.py:4:7",
		"main:/srv/app.py:1:9 helper:/usr/lib/python3/dist-packages/lib/x.py:8:8",
	};

	test_open(&f);
	for (int i = 0; i < 9; i++)
		test_sample(&f, (uint64_t)(10 + i * 10), frames[i / 3], NULL);
	test_sample(&f, 100, "", "thread outside the interpreter");
	return test_close(&f, 200);
}

static void check(const struct sink *sink, const struct output_options *options, const char *expected)
{
	struct profile *p = sample_profile();
	char *text = test_output(p, sink, options);

	assert_string_equal(text, expected);
	free(text);
	profile_destroy(p);
}

static void folds_stacks_root_first_with_defining_lines(void **state)
{
	check(&sink_folded, &plain,
	      "main (/srv/app.py:1);work (/srv/app.py:4) 3\n"
	      "main (/srv/app.py:1);work (/srv/app.py:4);work (/srv/app.py:4) 3\n"
	      "main (/srv/app.py:1);helper (/usr/lib/python3/dist-packages/lib/x.py:8) 3\n"
	      "[thread outside the interpreter] 1\n");
}

static void folds_executed_lines_when_asked(void **state)
{
	const struct output_options lines = { .lines = true };

	check(&sink_folded, &lines,
	      "main (/srv/app.py:9);work (/srv/app.py:5);work (/srv/app.py:6) 3\n"
	      "main (/srv/app.py:9);work (/srv/app.py:7) 3\n"
	      "main (/srv/app.py:9);helper (/usr/lib/python3/dist-packages/lib/x.py:8) 3\n"
	      "[thread outside the interpreter] 1\n");
}

static void adds_process_and_thread_as_roots(void **state)
{
	const struct output_options roots = { .root_process = true, .root_thread = true,
		.func = "w*k" };

	check(&sink_folded, &roots,
	      "python3 (pid 4711);MainThread (tid 4711);main (/srv/app.py:1);work (/srv/app.py:4) 3\n"
	      "python3 (pid 4711);MainThread (tid 4711);main (/srv/app.py:1);work (/srv/app.py:4);"
	      "work (/srv/app.py:4) 3\n");
}

static void keeps_what_lies_in_the_time_window(void **state)
{
	const struct output_options window = { .from = 0.035, .to = 0.05 };

	check(&sink_folded, &window, "main (/srv/app.py:1);work (/srv/app.py:4) 1\n");
}

static void finds_files_by_base_name_or_whole_path(void **state)
{
	const struct output_options base = { .file = "x.py" }, path = { .file = "*/dist-packages/*" };
	const char *expected =
		"main (/srv/app.py:1);helper (/usr/lib/python3/dist-packages/lib/x.py:8) 3\n";
	const struct output_options none = { .file = "lib/x.py" };

	check(&sink_folded, &base, expected);
	check(&sink_folded, &path, expected);
	check(&sink_folded, &none, "");
}

static void prints_the_heaviest_function_first(void **state)
{
	check(&sink_table, &plain,
	      "  self     time   total     time   function\n"
	      " 60.0%  60.0 ms   60.0%  60.0 ms   work (/srv/app.py:4)\n"
	      " 30.0%  30.0 ms   30.0%  30.0 ms   helper (lib/x.py:8)\n"
	      "  0.0%        0   90.0%  90.0 ms   main (/srv/app.py:1)\n");
}

static void sorts_by_total_and_limits(void **state)
{
	const struct output_options options = { .sort = OUTPUT_SORT_TOTAL, .limit = 1 };

	check(&sink_table, &options,
	      "  self     time   total     time   function\n"
	      "  0.0%        0   90.0%  90.0 ms   main (/srv/app.py:1)\n");
}

static void prints_lines_files_threads_and_processes(void **state)
{
	const struct output_options lines = { .by = OUTPUT_BY_LINE, .limit = 2 };
	const struct output_options files = { .by = OUTPUT_BY_FILE };
	const struct output_options threads = { .by = OUTPUT_BY_THREAD };
	const struct output_options processes = { .by = OUTPUT_BY_PROCESS };

	check(&sink_table, &lines,
	      "  self     time   total     time   line\n"
	      " 30.0%  30.0 ms   30.0%  30.0 ms   helper (lib/x.py:8)\n"
	      " 30.0%  30.0 ms   30.0%  30.0 ms   work (/srv/app.py:6)\n");
	check(&sink_table, &files,
	      "  self     time   total     time   file\n"
	      " 60.0%  60.0 ms   90.0%  90.0 ms   /srv/app.py\n"
	      " 30.0%  30.0 ms   30.0%  30.0 ms   lib/x.py\n");
	check(&sink_table, &threads,
	      " share     time   samples       pid       tid   thread\n"
	      "100.0%   100 ms        10      4711      4711   MainThread\n");
	check(&sink_table, &processes,
	      " share     time   samples  threads       pid   process\n"
	      "100.0%   100 ms        10        1      4711   python3\n");
}

static void says_so_when_nothing_is_left(void **state)
{
	const struct output_options none = { .func = "nothing" };

	check(&sink_table, &none, "no samples\n");
	check(&sink_folded, &none, "");
}

static void writes_the_table_for_programs(void **state)
{
	check(&sink_json, &plain,
	      "{\n"
	      "  \"event\": \"cpu\",\n"
	      "  \"unit\": \"ns\",\n"
	      "  \"period\": 10000000,\n"
	      "  \"samples\": 10,\n"
	      "  \"lost\": 0,\n"
	      "  \"errors\": {\"thread outside the interpreter\": 1},\n"
	      "  \"duration_s\": 0.200000,\n"
	      "  \"frequency\": 100,\n"
	      "  \"functions\": [\n"
	      "    {\"function\": \"work\", \"file\": \"/srv/app.py\", \"line\": 4, \"kind\": \"interpreted\", \"self\": 6, \"total\": 6, "
	      "\"self_ns\": 60000000, \"total_ns\": 60000000},\n"
	      "    {\"function\": \"helper\", \"file\": \"/usr/lib/python3/dist-packages/lib/x.py\", \"line\": 8, \"kind\": \"interpreted\", "
	      "\"self\": 3, \"total\": 3, \"self_ns\": 30000000, \"total_ns\": 30000000},\n"
	      "    {\"function\": \"main\", \"file\": \"/srv/app.py\", \"line\": 1, \"kind\": \"interpreted\", \"self\": 0, \"total\": 9, "
	      "\"self_ns\": 0, \"total_ns\": 90000000}\n"
	      "  ],\n"
	      "  \"reasons\": [\n"
	      "    {\"reason\": \"running\", \"samples\": 10, \"ns\": 100000000}\n"
	      "  ],\n"
	      "  \"threads\": [\n"
	      "    {\"pid\": 4711, \"tid\": 4711, \"name\": \"MainThread\", \"samples\": 10, "
	      "\"cpu_ns\": 100000000}\n"
	      "  ]\n"
	      "}\n");
}

static struct profile *one_sample(const char *name, const char *file, int line)
{
	struct test_file f;
	uint32_t function, stack;

	test_open(&f);
	function = capture_function(f.w, CAPTURE_INTERPRETED, name, file, line);
	stack = capture_stack(f.w, 0, capture_frame(f.w, function, 0));
	capture_sample(f.w, START_NS, f.thread, stack, MS, NULL);
	return test_close(&f, 1);
}

static void lets_no_hostile_name_through(void **state)
{
	struct profile *p = one_sample("a;b\n\033[2J\xff \"q\" 7", "/x;\ny", 3);
	char *text = test_output(p, &sink_folded, &plain);

	assert_string_equal(text, "a:b??[2J\xef\xbf\xbd \"q\" 7 (/x:?y:3) 1\n");
	free(text);
	text = test_output(p, &sink_table, &plain);
	assert_non_null(strstr(text, "a;b\\x0a\\x1b[2J\xef\xbf\xbd \"q\" 7 (/x;\\x0ay:3)\n"));
	assert_null(strchr(text, '\033'));
	free(text);
	text = test_output(p, &sink_json, &plain);
	assert_non_null(strstr(text, "{\"function\": \"a;b\\u000a\\u001b[2J\xef\xbf\xbd \\\"q\\\" 7\", "
				     "\"file\": \"/x;\\u000ay\", \"line\": 3,"));
	free(text);
	profile_destroy(p);
}

static void fits_long_names_into_a_terminal(void **state)
{
	char *name = malloc(10001), *text;
	struct profile *p;

	memset(name, 'n', 10000);
	name[10000] = '\0';
	p = one_sample(name, "/a/rather/long/path/to/some/module_with_a_name.py", 1234567);
	text = test_output(p, &sink_table, &plain);
	assert_non_null(strstr(text, "\n100.0%  1.00 ms  100.0%  1.00 ms   "
				     "nnnnnnnnnnn\xe2\x80\xa6nnnnnnnnnnn (modul\xe2\x80\xa6"
				     "me.py:1234567)\n"));
	free(text);
	unsetenv("COLUMNS"); /* not a terminal: no edge */
	text = test_output(p, &sink_table, &plain);
	assert_non_null(strstr(text, "nnn (/a/rather/long/path/to/some/module_with_a_name.py:1234567)\n"));
	assert_true(strlen(text) > 10000);
	free(text);
	setenv("COLUMNS", "80", 1);
	profile_destroy(p);
	free(name);
}

static void draws_a_flame_graph(void **state)
{
	struct profile *p = one_sample("</text><script>alert(1)</script>", "/x&y\033.py", 3);
	const struct output_options none = { .func = "nothing" };
	char *text = test_output(p, &sink_svg, &plain);
	FILE *null = fopen("/dev/null", "w");

	assert_non_null(strstr(text, "<svg"));
	assert_non_null(strstr(text, "pid 4711 (python3)"));
	assert_non_null(strstr(text, "cpu at 100 Hz, 0.0 s, box, 2026-01-02 10:00 UTC"));
	assert_null(strstr(text, "<script>alert"));
	assert_null(strchr(text, '\033'));
	assert_int_equal(sink_svg.write(p, null, &none), -ENODATA);
	fclose(null);
	free(text);
	profile_destroy(p);
}

static void leaves_marks_out_of_the_tables_only(void **state)
{
	struct test_file f;
	struct profile *p;
	char *text;

	test_open(&f);
	test_sample(&f, 1, "[truncated] work:/a.py:4:5", "deeper than --max-stack");
	p = test_close(&f, 2);
	text = test_output(p, &sink_folded, &plain);
	assert_string_equal(text, "[truncated];work (/a.py:4) 1\n");
	free(text);
	text = test_output(p, &sink_json, &plain);
	assert_null(strstr(text, "truncated"));
	assert_non_null(strstr(text, "\"errors\": {\"deeper than --max-stack\": 1}"));
	free(text);
	profile_destroy(p);
}

static void copies_what_the_options_keep(void **state)
{
	const struct output_options window = { .from = 0.035, .func = "work" };
	struct profile *p = sample_profile(), *copy;
	int fd = memfd_create("copy", MFD_CLOEXEC);
	FILE *to = fdopen(fd, "w");
	char *text, *expected;

	assert_int_equal(sink_capture.write(p, to, &window), 0);
	copy = test_load(fd);
	assert_int_equal(copy->samples.count, 3);
	assert_int_equal(copy->duration_ns, p->duration_ns);
	assert_string_equal(copy->header.command, "scry record -p 4711");
	text = test_output(copy, &sink_json, &plain);
	expected = test_output(p, &sink_json, &window);
	assert_string_equal(text, expected);
	free(text);
	free(expected);
	profile_destroy(copy);
	profile_destroy(p);
	fclose(to);
}

static void sums_up_in_one_line(void **state)
{
	struct profile *p = sample_profile();
	char *text = NULL;
	size_t size;
	struct test_file f;
	FILE *to = open_memstream(&text, &size);

	output_summary(p, to);
	profile_destroy(p);
	test_open(&f);
	capture_sample(f.w, START_NS, f.thread, test_stack(&f, "a"), MS,
		       "frame not readable (page not present)");
	capture_sample(f.w, START_NS, capture_thread(f.w, 2, 9, 9), 0, MS, "process not examined yet");
	capture_sample(f.w, START_NS, f.thread, 0, MS, "process not examined yet");
	capture_sample(f.w, START_NS, f.thread, test_stack(&f, "a"), MS, "deeper than --max-stack");
	capture_lost(f.w, 4);
	p = test_close(&f, 10000);
	output_summary(p, to);
	profile_destroy(p);
	fclose(to);
	assert_string_equal(text,
			    "scry: 10 samples in 200 ms, 1 thread of 1 process; 0 lost; 1 outside the interpreter\n"
			    "scry: 4 samples in 10.0 s, 2 threads of 2 processes; 4 lost; 1 deeper than --max-stack; "
			    "3 unreadable (1 frame not readable (page not present), 2 process not examined yet)\n");
	free(text);
}

static void knows_formats_by_extension(void **state)
{
	assert_true(output_known("a.folded"));
	assert_true(output_known("/x.y/a.scry"));
	assert_true(output_known("-"));
	assert_false(output_known("a"));
	assert_false(output_known("/x.json/a"));
	assert_false(output_known("a.pdf"));
	assert_non_null(strstr(output_formats(), ".scry .folded"));
}

static void takes_lists_of_roots(void **state)
{
	struct output_options options = { 0 };

	assert_true(output_roots("thread", &options));
	assert_false(options.root_process);
	assert_true(output_roots("process,thread", &options));
	assert_true(options.root_process && options.root_thread);
	assert_false(output_roots("", &(struct output_options){ 0 }));
	assert_false(output_roots("threads", &(struct output_options){ 0 }));
	assert_false(output_roots("process;thread", &(struct output_options){ 0 }));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds_stacks_root_first_with_defining_lines),
		cmocka_unit_test(folds_executed_lines_when_asked),
		cmocka_unit_test(adds_process_and_thread_as_roots),
		cmocka_unit_test(keeps_what_lies_in_the_time_window),
		cmocka_unit_test(finds_files_by_base_name_or_whole_path),
		cmocka_unit_test(prints_the_heaviest_function_first),
		cmocka_unit_test(sorts_by_total_and_limits),
		cmocka_unit_test(prints_lines_files_threads_and_processes),
		cmocka_unit_test(says_so_when_nothing_is_left),
		cmocka_unit_test(writes_the_table_for_programs),
		cmocka_unit_test(lets_no_hostile_name_through),
		cmocka_unit_test(fits_long_names_into_a_terminal),
		cmocka_unit_test(draws_a_flame_graph),
		cmocka_unit_test(leaves_marks_out_of_the_tables_only),
		cmocka_unit_test(copies_what_the_options_keep),
		cmocka_unit_test(sums_up_in_one_line),
		cmocka_unit_test(knows_formats_by_extension),
		cmocka_unit_test(takes_lists_of_roots),
	};

	setenv("COLUMNS", "80", 1);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
