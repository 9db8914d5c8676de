// SPDX-License-Identifier: GPL-2.0-only
/* What stat makes of counts and events made by hand. */
#include "event_records.h"

#include "profiler/base/cleanup.h"
#include "profiler/stat.h"

static const struct targets one = { .pid_count = 1 };

/* Functions: 1 and 2 are two code objects of one of them. */
static void tell_codes(struct statistics *s)
{
	static const char *const names[] = { "load", "load", "handle" };

	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++) {
		union record_code code;
		size_t size = record_code(&code, i + 1, names[i], "/srv/app/views.py", i < 2 ? 88 : 31);

		stat_take(s, &code.code.head, size);
	}
}

static void begin(struct statistics *s, struct stat_options *options, char **text)
{
	static size_t size;

	if (!records_have_binary())
		skip();
	options->to = open_memstream(text, &size);
	assert_non_null(options->to);
	options->run.targets = &one;
	setenv("COLUMNS", "80", 1);
	assert_int_equal(stat_init(s, options), 0);
	s->duration_ns = 2000000000;
	s->lost = 3;
	tell_codes(s);
}

static void end(struct statistics *s, char **text, const char *expected)
{
	assert_int_equal(s->options->json ? stat_json(s) : stat_text(s), 0);
	assert_int_equal(fclose(s->options->to), 0);
	assert_string_equal(*text, expected);
	stat_deinit(s);
	free(*text);
}

/* n calls of so many ns each */
static void add_calls(struct statistics *s, uint32_t code, unsigned n, uint64_t ns, unsigned errors)
{
	static struct scry_call_stat calls;

	memset(&calls, 0, sizeof(calls));
	calls.calls = n;
	calls.errors = errors;
	calls.total_ns = n * ns;
	calls.code = code;
	calls.callees_ns = n * ns - n * ns / 2;
	calls.max_ns = ns;
	calls.hist[hist_bucket(ns)] = n;
	stat_add_calls(s, &calls);
}

static void code_objects_of_a_function_are_one_row(void **state)
{
	struct stat_options options = { .kind = SCRY_EVENT_CALL };
	struct scry_call running = { .code = 3 }, resumed = { .code = 3, .resumed = 1 };
	static struct statistics s;
	char *text;

	begin(&s, &options, &text);
	add_calls(&s, 1, 48000, 104000, 0);
	add_calls(&s, 2, 311, 9800000, 2);
	add_calls(&s, 3, 9, 500000000, 0);
	stat_add_running(&s, &running);
	stat_add_running(&s, &resumed);
	end(&s, &text,
	    "    calls errors   total     own    mean     p99     max   function\n"
	    "   48 311      2  8.04 s  4.02 s  166 µs  102 µs 9.80 ms   load (views.py:88)\n"
	    "       10      0  4.50 s  2.25 s  500 ms  487 ms  500 ms   handle (views.py:31)  2 running\n");
}

static void rows_are_sorted_limited_and_filtered(void **state)
{
	struct stat_options options = { .kind = SCRY_EVENT_CALL, .sort = STAT_SORT_CALLS, .limit = 1 };
	static struct statistics s;
	char *text;

	begin(&s, &options, &text);
	add_calls(&s, 1, 20, 1000, 20);
	add_calls(&s, 3, 10, 1000000, 0);
	end(&s, &text,
	    "    calls errors   total     own    mean     p99     max   function\n"
	    "       20     20 20.0 µs 10.0 µs 1.00 µs  992 ns 1.00 µs   load (views.py:88)\n"
	    "and 1 more\n");
	options = (struct stat_options){ .kind = SCRY_EVENT_CALL, .filter.func = "h*", .json = true };
	begin(&s, &options, &text);
	add_calls(&s, 1, 20, 1000, 20);
	add_calls(&s, 3, 10, 1000000, 0);
	end(&s, &text,
	    "{\n  \"event\": \"call\",\n  \"duration_s\": 2.000000,\n  \"lost\": 3,\n  \"rows\": [\n"
	    "    {\"function\": \"handle\", \"file\": \"/srv/app/views.py\", \"line\": 31, \"calls\": 10, \"resumes\": 0, "
	    "\"errors\": 0, \"running\": 0, \"total_ns\": 10000000, \"own_ns\": 5000000, \"mean_ns\": 1000000, "
	    "\"p50_ns\": 1000000, \"p99_ns\": 1000000, \"max_ns\": 1000000}\n  ]\n}\n");
}

static void counts_alone_have_no_times(void **state)
{
	struct stat_options options = { .kind = SCRY_EVENT_CALL, .count = true };
	struct scry_call_stat load = { .code = 1, .calls = 20 }, handle = { .code = 3, .calls = 7, .resumes = 1200 };
	static struct statistics s;
	char *text;

	begin(&s, &options, &text);
	stat_add_calls(&s, &handle);
	stat_add_calls(&s, &load);
	end(&s, &text,
	    "       calls   resumes   function\n"
	    "          20         0   load (/srv/app/views.py:88)\n"
	    "           7     1 200   handle (/srv/app/views.py:31)\n");
	options = (struct stat_options){ .kind = SCRY_EVENT_CALL, .count = true, .json = true };
	begin(&s, &options, &text);
	stat_add_calls(&s, &handle);
	end(&s, &text,
	    "{\n  \"event\": \"call\",\n  \"duration_s\": 2.000000,\n  \"lost\": 3,\n  \"rows\": [\n"
	    "    {\"function\": \"handle\", \"file\": \"/srv/app/views.py\", \"line\": 31, \"calls\": 7, \"resumes\": 1200, "
	    "\"errors\": null, \"running\": null, \"total_ns\": null, \"own_ns\": null, \"mean_ns\": null, "
	    "\"p50_ns\": null, \"p99_ns\": null, \"max_ns\": null}\n  ]\n}\n");
}

static const unsigned handle[] = { 3 }, load[] = { 1 };

static void take(struct statistics *s, const struct event_made *made)
{
	union record_event r;
	size_t size = record_event(&r, made);

	stat_take(s, &r.head, size);
}

static void add_collections(struct statistics *s)
{
	struct event_made made = { .event = { .event = SCRY_EVENT_GC, .duration_ns = 152000, .number2 = 3 }, .codes = load,
				   .count = 1 };

	for (int i = 0; i < 402; i++)
		take(s, &made);
	made.event.number = 2;
	made.event.duration_ns = 403000000;
	made.event.number2 = 310772;
	made.codes = handle;
	take(s, &made);
	made.event.number2 = -1;
	made.count = 0;
	take(s, &made);
}

static void collections_are_told_by_generation_and_cause(void **state)
{
	struct stat_options options = { .kind = SCRY_EVENT_GC };
	static struct statistics s;
	char *text;

	begin(&s, &options, &text);
	add_collections(&s);
	end(&s, &text,
	    " gen     count    total     mean      p99      max  of wall  collected \n"
	    "   2         2   806 ms   403 ms   403 ms   403 ms   40.30%    310 772 \n"
	    "   0       402  61.1 ms   152 µs   152 µs   152 µs    3.06%      1 206 \n"
	    "\n"
	    "  131 µs |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@| 402\n"
	    "  262 µs |                                        | 0\n"
	    "  524 µs |                                        | 0\n"
	    " 1.05 ms |                                        | 0\n"
	    " 2.10 ms |                                        | 0\n"
	    " 4.19 ms |                                        | 0\n"
	    " 8.39 ms |                                        | 0\n"
	    " 16.8 ms |                                        | 0\n"
	    " 33.6 ms |                                        | 0\n"
	    " 67.1 ms |                                        | 0\n"
	    "  134 ms |                                        | 0\n"
	    "  268 ms |@                                       | 2\n"
	    "\n"
	    "   count     pause    share   begun in\n"
	    "       1    403 ms   86.83%   handle (/srv/app/views.py:31)\n"
	    "     402   61.1 ms   13.17%   load (/srv/app/views.py:88)\n");
}

static void add_lock(struct statistics *s)
{
	struct event_made made = { .event = { .event = SCRY_EVENT_GIL, .duration_ns = 4000000 }, .codes = load, .count = 1,
				   .tid = 21, .comm = "one" };

	take(s, &made);
	take(s, &made);
	made.event.number = SCRY_GIL_WAITED;
	made.event.duration_ns = 9000000;
	made.codes = handle;
	made.tid = 22;
	made.comm = "two";
	take(s, &made);
}

static void the_lock_is_told_by_function_and_thread(void **state)
{
	struct stat_options options = { .kind = SCRY_EVENT_GIL };
	static struct statistics s;
	char *text;

	begin(&s, &options, &text);
	add_lock(&s);
	end(&s, &text,
	    "    holds     held      p99     waits   waited      p99   function\n"
	    "        2  8.00 ms  4.00 ms         0     0 ns     0 ns   load (app/views.py:88)\n"
	    "        0     0 ns     0 ns         1  9.00 ms  8.91 ms   handle (views.py:31)\n"
	    "\n"
	    "    holds     held      p99     waits   waited      p99   thread\n"
	    "        2  8.00 ms  4.00 ms         0     0 ns     0 ns   one (tid 21)\n"
	    "        0     0 ns     0 ns         1  9.00 ms  8.91 ms   two (tid 22)\n"
	    "\n"
	    "held at a time\n"
	    " 2.10 ms |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@| 2\n"
	    "\n"
	    "waited at a time\n"
	    " 8.39 ms |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@| 1\n");
	options.json = true;
	begin(&s, &options, &text);
	add_lock(&s);
	end(&s, &text,
	    "{\n  \"event\": \"gil\",\n  \"duration_s\": 2.000000,\n  \"lost\": 3,\n  \"rows\": [\n"
	    "    {\"function\": \"load\", \"file\": \"/srv/app/views.py\", \"line\": 88, \"holds\": 2, \"hold_ns\": 8000000, "
	    "\"hold_p99_ns\": 4000000, \"hold_max_ns\": 4000000, \"waits\": 0, \"wait_ns\": 0, \"wait_p99_ns\": 0, \"wait_max_ns\": 0},\n"
	    "    {\"function\": \"handle\", \"file\": \"/srv/app/views.py\", \"line\": 31, \"holds\": 0, \"hold_ns\": 0, "
	    "\"hold_p99_ns\": 0, \"hold_max_ns\": 0, \"waits\": 1, \"wait_ns\": 9000000, \"wait_p99_ns\": 8912896, \"wait_max_ns\": 9000000}\n  ],\n  \"threads\": [\n"
	    "    {\"pid\": 4711, \"tid\": 21, \"name\": \"one\", \"holds\": 2, \"hold_ns\": 8000000, \"hold_p99_ns\": 4000000, \"hold_max_ns\": 4000000, "
	    "\"waits\": 0, \"wait_ns\": 0, \"wait_p99_ns\": 0, \"wait_max_ns\": 0},\n"
	    "    {\"pid\": 4711, \"tid\": 22, \"name\": \"two\", \"holds\": 0, \"hold_ns\": 0, \"hold_p99_ns\": 0, \"hold_max_ns\": 0, "
	    "\"waits\": 1, \"wait_ns\": 9000000, \"wait_p99_ns\": 8912896, \"wait_max_ns\": 9000000}\n  ]\n}\n");
}

static void collectors_are_told_apart(void **state)
{
	struct event_made made = { .event = { .event = SCRY_EVENT_GC, .duration_ns = 152000, .number2 = 3 } };
	struct stat_options options = { .kind = SCRY_EVENT_GC };
	static struct statistics s;
	char *text;

	begin(&s, &options, &text);
	stat_set_collector(&s, "generational");
	take(&s, &made);
	take(&s, &made);
	assert_int_equal(stat_text(&s), 0);
	fflush(options.to);
	assert_non_null(strstr(text, "collector: generational\n"));
	rewind(options.to);
	stat_set_collector(&s, "incremental");
	take(&s, &made);
	end(&s, &text,
	    " gen     count    total     mean      p99      max  of wall  collected   collector\n"
	    "   0         2   304 µs   152 µs   152 µs   152 µs    0.02%          6   generational\n"
	    "   0         1   152 µs   152 µs   152 µs   152 µs    0.01%          3   incremental\n"
	    "\n"
	    "  131 µs |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@| 3\n");
}

static void imports_exceptions_lines_and_audit_events_have_their_rows(void **state)
{
	static const struct {
		enum scry_event_kind kind;
		struct event_made made;
		const char *text, *json;
	} cases[] = {
		{ SCRY_EVENT_IMPORT,
		  { .event = { .event = SCRY_EVENT_IMPORT, .duration_ns = 2000000, .own_ns = 500000 }, .text = { "a\nb" } },
		  "  count      own    total   module\n"
		  "      2  1.00 ms  4.00 ms   a\\x0ab\n",
		  "{\"module\": \"a\\u000ab\", \"calls\": 2, \"total_ns\": 4000000, \"own_ns\": 1000000, " },
		{ SCRY_EVENT_EXCEPTION,
		  { .event = { .event = SCRY_EVENT_EXCEPTION }, .text = { "ValueError", "x" }, .codes = handle, .count = 1 },
		  "    count   exception\n"
		  "        2   ValueError in handle (/srv/app/views.py:31)\n",
		  "{\"exception\": \"ValueError\", \"function\": \"handle\", \"file\": \"/srv/app/views.py\", \"line\": 31, "
		  "\"calls\": 2}" },
		{ SCRY_EVENT_LINE, { .count = 0 },
		  "       count   line\n"
		  "           2   handle (/srv/app/views.py:35)\n",
		  "{\"function\": \"handle\", \"file\": \"/srv/app/views.py\", \"line\": 35, \"calls\": 2}" },
		{ SCRY_EVENT_AUDIT, { .event = { .event = SCRY_EVENT_AUDIT }, .text = { "open" } },
		  "    count   audit event\n"
		  "        2   open\n",
		  "{\"name\": \"open\", \"calls\": 2}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct stat_options options = { .kind = cases[i].kind };
		const struct scry_line line = { .code = 3, .line = 35 };
		static struct statistics s;
		char *text;

		begin(&s, &options, &text);
		for (int times = 0; times < 2; times++)
			if (cases[i].kind == SCRY_EVENT_LINE)
				stat_add_line(&s, &line, 1);
			else
				take(&s, &cases[i].made);
		options.json = true;
		assert_int_equal(stat_json(&s), 0);
		fflush(options.to);
		assert_non_null(strstr(text, cases[i].json));
		rewind(options.to);
		options.json = false;
		assert_int_equal(stat_text(&s), 0);
		assert_int_equal(fclose(options.to), 0);
		assert_memory_equal(text, cases[i].text, strlen(cases[i].text));
		stat_deinit(&s);
		free(text);
	}
}

static void nothing_is_said_of_nothing(void **state)
{
	struct stat_options options = { .kind = SCRY_EVENT_GC };
	static struct statistics s;
	char *text;

	begin(&s, &options, &text);
	end(&s, &text, "no gc events\n");
	options.json = true;
	begin(&s, &options, &text);
	end(&s, &text,
	    "{\n  \"event\": \"gc\",\n  \"duration_s\": 2.000000,\n  \"lost\": 3,\n  \"collector\": null,\n  \"rows\": [],\n  \"started_by\": []\n}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_objects_of_a_function_are_one_row),
		cmocka_unit_test(rows_are_sorted_limited_and_filtered),
		cmocka_unit_test(counts_alone_have_no_times),
		cmocka_unit_test(collections_are_told_by_generation_and_cause),
		cmocka_unit_test(the_lock_is_told_by_function_and_thread),
		cmocka_unit_test(collectors_are_told_apart),
		cmocka_unit_test(imports_exceptions_lines_and_audit_events_have_their_rows),
		cmocka_unit_test(nothing_is_said_of_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
