// SPDX-License-Identifier: GPL-2.0-only
/* What trace writes for events made by hand. */
#include "event_records.h"

#include <errno.h>

#include "profiler/base/cleanup.h"
#include "profiler/trace.h"

#define EVENT(kind) (1u << RUNTIME_EVENT_##kind)

/* The functions of the program: ids 1 and 2 are two code objects of one of them; 4 is the interpreter's own. */
static void tell_codes(struct trace *t)
{
	static const struct {
		const char *name, *file;
		int line;
	} codes[] = {
		{ "handle", "/srv/app/views.py", 31 },	  { "handle", "/srv/app/views.py", 31 },
		{ "load.<locals>.\033[1mx", "/usr/lib/python3.12/site-packages/store.py", 88 },
		{ "__init__", "__init__", 1 },
	};

	for (uint32_t i = 0; i < ARRAY_SIZE(codes); i++) {
		union record_code code;
		size_t size = record_code(&code, i + 1, codes[i].name, codes[i].file, codes[i].line);

		trace_take(t, &code.code.head, size);
	}
}

static const struct targets one = { .pid_count = 1 }, two = { .pid_count = 2 };

/* The text written for events[0..count); the caller frees it. */
static char *traced(struct trace_options *options, const struct event_made *events, size_t count)
{
	static struct trace t;
	char *text = NULL;
	size_t size;

	if (!records_have_binary())
		skip();
	options->to = open_memstream(&text, &size);
	assert_non_null(options->to);
	if (!options->run.targets)
		options->run.targets = &one;
	assert_int_equal(trace_init(&t, options, START_NS), 0);
	trace_begin(&t);
	tell_codes(&t);
	for (size_t i = 0; i < count; i++) {
		union record_event r;
		size_t bytes = record_event(&r, &events[i]);

		trace_take(&t, &r.head, bytes);
	}
	trace_deinit(&t);
	assert_int_equal(fclose(options->to), 0);
	return text;
}

static void check(struct trace_options options, const struct event_made *events, size_t count, const char *expected)
{
	char *text = traced(&options, events, count);

	assert_string_equal(text, expected);
	free(text);
}

static const unsigned handle[] = { 1 }, load[] = { 3, 1 }, handle_again[] = { 2 }, shim[] = { 4, 1 };

#define CALL(what, at, frames, ...)                                                                             \
	{ .event = { .event = SCRY_EVENT_CALL, .type = SCRY_CALL_##what, __VA_ARGS__ }, .time = at, .codes = frames, \
	  .count = ARRAY_SIZE(frames) }

static const struct event_made calls[] = {
	CALL(ENTRY, 213000, handle),
	CALL(ENTRY, 220000, load, .depth = 1),
	CALL(RETURN, 4911000, load, .depth = 1, .duration_ns = 4691000, .own_ns = 4691000),
	CALL(DROPPED, 4912000, load, .depth = 1, .duration_ns = 1000, .own_ns = 1000), /* is not told */
	CALL(UNWIND, 9120000, handle, .duration_ns = 8907000, .own_ns = 4216000),
};

static void calls_flow_by_depth(void **state)
{
	check((struct trace_options){ .writer = &trace_text, .flow = true, .run.session.events = EVENT(CALL) }, calls,
	      ARRAY_SIZE(calls),
	      "      time  thread          duration  call\n"
	      "  0.000213  python3                   -> handle  /srv/app/views.py:31\n"
	      "  0.000220  python3                     -> load.<locals>.\\x1b[1mx  store.py:88\n"
	      "  0.004911  python3          4.69 ms    <- load.<locals>.\\x1b[1mx\n"
	      "  0.009120  python3          8.91 ms  <! handle\n");
}

static void calls_are_named_without_flow(void **state)
{
	check((struct trace_options){ .writer = &trace_text, .run.session.events = EVENT(CALL) }, calls, 3,
	      "      time  thread          duration  call\n"
	      "  0.000213  python3                   entry   handle  /srv/app/views.py:31\n"
	      "  0.000220  python3                   entry   load.<locals>.\\x1b[1mx  store.py:88\n"
	      "  0.004911  python3          4.69 ms  return  load.<locals>.\\x1b[1mx  store.py:88\n");
}

static void callers_stand_below_an_event(void **state)
{
	struct targets targets = two;

	check((struct trace_options){ .writer = &trace_text, .run.targets = &targets,
				      .run.session = { .events = EVENT(CALL), .stack = true } },
	      &calls[1], 1,
	      "     pid      time  thread          duration  call\n"
	      "    4711  0.000220  python3                   entry   load.<locals>.\\x1b[1mx  store.py:88\n"
	      "                            handle  /srv/app/views.py:31\n");
}

static void the_interpreters_own_functions_are_left_out(void **state)
{
	const struct event_made own[] = { CALL(ENTRY, 1000, shim), CALL(ENTRY, 2000, handle) };

	check((struct trace_options){ .writer = &trace_text, .flow = true, .run.session.events = EVENT(CALL) }, own, 2,
	      "      time  thread          duration  call\n"
	      "  0.000002  python3                   -> handle  /srv/app/views.py:31\n");
}

static void names_are_filtered_for_every_code_object(void **state)
{
	const struct event_made mixed[] = { CALL(ENTRY, 1000, handle), CALL(ENTRY, 2000, load), CALL(ENTRY, 3000, handle_again) };

	check((struct trace_options){ .writer = &trace_text, .filter.func = "hand*", .filter.file = "views.py",
				      .run.session.events = EVENT(CALL) },
	      mixed, 3,
	      "      time  thread          duration  call\n"
	      "  0.000001  python3                   entry   handle  /srv/app/views.py:31\n"
	      "  0.000003  python3                   entry   handle  /srv/app/views.py:31\n");
}

static void ends_after_so_many_events(void **state)
{
	check((struct trace_options){ .writer = &trace_text, .flow = true, .max_events = 1,
				      .run.session.events = EVENT(CALL) },
	      calls, ARRAY_SIZE(calls),
	      "      time  thread          duration  call\n"
	      "  0.000213  python3                   -> handle  /srv/app/views.py:31\n");
}

static const struct event_made others[] = {
	{ .event = { .event = SCRY_EVENT_GC, .duration_ns = 403000000, .number = 2, .number2 = 310772, .number3 = 12 },
	  .time = 1000000, .codes = handle, .count = 1 },
	{ .event = { .event = SCRY_EVENT_GC, .duration_ns = 90000, .number = -1, .number2 = -1, .number3 = -1 },
	  .time = 2000000 },
	{ .event = { .event = SCRY_EVENT_IMPORT, .depth = 1, .duration_ns = 48100000, .own_ns = 800000, .number = 1 },
	  .time = 3000000, .text = { "pandas._libs" } },
	{ .event = { .event = SCRY_EVENT_IMPORT, .duration_ns = 100000, .own_ns = 100000 }, .time = 4000000,
	  .text = { "no\nwhere" } },
	{ .event = { .event = SCRY_EVENT_EXCEPTION, .text_kind = { 0, 1 } }, .time = 5000000, .codes = handle, .count = 1,
	  .text = { "ValueError", "\xfc\033]0;x\a" } },
	{ .event = { .event = SCRY_EVENT_AUDIT }, .time = 6000000, .codes = handle, .count = 1, .text = { "open" } },
	{ .event = { .event = SCRY_EVENT_LINE, .number = 33 }, .time = 7000000, .codes = handle, .count = 1,
	  .comm = "a name of 16 cha" },
};

static void every_kind_has_its_line(void **state)
{
	check((struct trace_options){ .writer = &trace_text, .run.session.events = ~0u }, others, ARRAY_SIZE(others),
	      "      time  thread          duration  event\n"
	      "  0.001000  python3           403 ms  gc         generation 2, 310 772 collected, 12 uncollectable  in handle  "
	      "/srv/app/views.py:31\n"
	      "  0.002000  python3          90.0 µs  gc         generation not known\n"
	      "  0.003000  python3          48.1 ms  import       800 µs     pandas._libs\n"
	      "  0.004000  python3           100 µs  import       100 µs   no\\x0awhere  (not found)\n"
	      "  0.005000  python3                   exception  ValueError: ü\\x1b]0;x\\x07  in handle  "
	      "/srv/app/views.py:31\n"
	      "  0.006000  python3                   audit      open  in handle  /srv/app/views.py:31\n"
	      "  0.007000  a name… 16 cha            line       handle  /srv/app/views.py:33\n");
}

static void imports_alone_are_nested_by_depth(void **state)
{
	check((struct trace_options){ .writer = &trace_text, .run.session.events = EVENT(IMPORT) }, &others[2], 2,
	      "      time  thread          duration       own   module\n"
	      "  0.003000  python3          48.1 ms    800 µs     pandas._libs\n"
	      "  0.004000  python3           100 µs    100 µs   no\\x0awhere  (not found)\n");
}

static void json_has_one_object_a_line(void **state)
{
	check((struct trace_options){ .writer = &trace_json, .run.session = { .events = EVENT(CALL), .stack = true } },
	      &calls[1], 2,
	      "{\"event\": \"call\", \"time\": 0.000220000, \"pid\": 4711, \"tid\": 4711, \"thread\": \"python3\", "
	      "\"function\": \"load.<locals>.\\u001b[1mx\", \"file\": \"/usr/lib/python3.12/site-packages/store.py\", "
	      "\"line\": 88, \"type\": \"entry\", \"depth\": 1, \"stack\": [{\"function\": \"handle\", "
	      "\"file\": \"/srv/app/views.py\", \"line\": 31}]}\n"
	      "{\"event\": \"call\", \"time\": 0.004911000, \"pid\": 4711, \"tid\": 4711, \"thread\": \"python3\", "
	      "\"function\": \"load.<locals>.\\u001b[1mx\", \"file\": \"/usr/lib/python3.12/site-packages/store.py\", "
	      "\"line\": 88, \"type\": \"return\", \"depth\": 1, \"duration_ns\": 4691000, \"own_ns\": 4691000, "
	      "\"stack\": [{\"function\": \"handle\", \"file\": \"/srv/app/views.py\", \"line\": 31}]}\n");
}

#define JSON_HEAD(kind, time, place) \
	"{\"event\": \"" kind "\", \"time\": " time ", \"pid\": 4711, \"tid\": 4711, \"thread\": \"python3\", " place
#define NOWHERE "\"function\": null, \"file\": null, \"line\": null, "
#define HANDLE	"\"function\": \"handle\", \"file\": \"/srv/app/views.py\", \"line\": 31, "

static void json_names_what_belongs_to_each_kind(void **state)
{
	check((struct trace_options){ .writer = &trace_json, .run.session.events = ~0u }, others, 6,
	      JSON_HEAD("gc", "0.001000000", HANDLE)
	      "\"generation\": 2, \"duration_ns\": 403000000, \"collected\": 310772, \"uncollectable\": 12}\n"
	      JSON_HEAD("gc", "0.002000000", NOWHERE)
	      "\"generation\": null, \"duration_ns\": 90000, \"collected\": null, \"uncollectable\": null}\n"
	      JSON_HEAD("import", "0.003000000", NOWHERE)
	      "\"module\": \"pandas._libs\", \"depth\": 1, \"found\": true, \"total_ns\": 48100000, \"own_ns\": 800000}\n"
	      JSON_HEAD("import", "0.004000000", NOWHERE)
	      "\"module\": \"no\\u000awhere\", \"depth\": 0, \"found\": false, \"total_ns\": 100000, \"own_ns\": 100000}\n"
	      JSON_HEAD("exception", "0.005000000", HANDLE)
	      "\"exception\": \"ValueError\", \"message\": \"ü\\u001b]0;x\\u0007\"}\n"
	      JSON_HEAD("audit", "0.006000000", HANDLE) "\"name\": \"open\"}\n");
}

static void audit_events_are_filtered_by_name(void **state)
{
	const struct event_made audits[] = {
		{ .event.event = SCRY_EVENT_AUDIT, .codes = handle, .count = 1, .text = { "open" } },
		{ .event.event = SCRY_EVENT_AUDIT, .codes = handle, .count = 1, .text = { "socket.connect" } },
	};

	check((struct trace_options){ .writer = &trace_text, .filter.text = "socket.*", .run.session.events = EVENT(AUDIT) },
	      audits, 2,
	      "      time  thread          audit\n"
	      "  0.000000  python3         socket.connect  in handle  /srv/app/views.py:31\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_flow_by_depth),
		cmocka_unit_test(calls_are_named_without_flow),
		cmocka_unit_test(callers_stand_below_an_event),
		cmocka_unit_test(the_interpreters_own_functions_are_left_out),
		cmocka_unit_test(names_are_filtered_for_every_code_object),
		cmocka_unit_test(ends_after_so_many_events),
		cmocka_unit_test(every_kind_has_its_line),
		cmocka_unit_test(imports_alone_are_nested_by_depth),
		cmocka_unit_test(json_has_one_object_a_line),
		cmocka_unit_test(json_names_what_belongs_to_each_kind),
		cmocka_unit_test(audit_events_are_filtered_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
