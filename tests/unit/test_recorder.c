// SPDX-License-Identifier: GPL-2.0-only
/* From records, well-formed and not, to the samples of a capture. */
#include "profiler/recorder.h"
#include "event_records.h"

static struct test_file file;
static struct recorder *recorder;

static int setup(void **state)
{
	test_open(&file);
	assert_int_equal(recorder_create(file.w, 10 * MS, &recorder), 0);
	return 0;
}

/* Events weigh by their own time. */
static int setup_timed(void **state)
{
	test_open(&file);
	assert_int_equal(recorder_create(file.w, 0, &recorder), 0);
	return 0;
}

/* Each event weighs the same. */
static int setup_counted(void **state)
{
	test_open(&file);
	assert_int_equal(recorder_create(file.w, 1, &recorder), 0);
	return 0;
}

static struct profile *finish(void)
{
	recorder_destroy(recorder);
	return test_close(&file, 1000);
}

static void take(const void *record, size_t size)
{
	recorder_take(recorder, record, size);
}

static void take_code(uint32_t id, const char *name, int line)
{
	union record_code record;
	size_t size = record_code(&record, id, name, "app.py", line);

	take(&record, size);
}

static void take_sample(enum scry_walk_error error, const uint32_t *ids)
{
	union record_sample record;
	size_t size = record_sample(&record, 10, 10, "python3", ids);

	record.sample.error = error;
	take(&record, size);
}

/* "leaf root", the names of a sample's frames. */
static const char *stack_text(const struct profile *p, size_t sample)
{
	static char text[512];

	assert_true(sample < p->samples.count);
	text[0] = 0;
	for (uint32_t i = p->samples.item[sample].stack; i; i = p->stacks.item[i].parent) {
		uint32_t function = p->frames.item[p->stacks.item[i].frame].function;

		strcat(strcat(text, *text ? " " : ""), profile_text(p, p->functions.item[function].name));
	}
	return text;
}

static const uint32_t two[] = { 2, 1, 0 };

static void take_event(const struct scry_event *event, const char *text)
{
	struct event_made made = { .event = *event, .codes = two, .count = 2, .text = { text } };
	union record_event record;
	size_t size = record_event(&record, &made);

	take(&record, size);
}

/* A call is told of when it begins, when it is suspended and goes on, and when it ends. */
static void take_calls(void)
{
	take_code(1, "main", 1);
	take_code(2, "work", 5);
	take_event(&(struct scry_event){ .event = SCRY_EVENT_CALL, .type = SCRY_CALL_ENTRY }, NULL);
	take_event(&(struct scry_event){ .event = SCRY_EVENT_CALL, .type = SCRY_CALL_YIELD, .own_ns = 3 }, NULL);
	take_event(&(struct scry_event){ .event = SCRY_EVENT_CALL, .type = SCRY_CALL_RESUME }, NULL);
	take_event(&(struct scry_event){ .event = SCRY_EVENT_CALL, .type = SCRY_CALL_RETURN, .duration_ns = 9, .own_ns = 7 }, NULL);
	take_event(&(struct scry_event){ .event = SCRY_EVENT_CALL, .type = SCRY_CALL_ENTRY }, NULL);
	take_event(&(struct scry_event){ .event = SCRY_EVENT_CALL, .type = SCRY_CALL_UNWIND, .duration_ns = 5, .own_ns = 5 }, NULL);
}

static void names_the_frames_of_a_stack(void **state)
{
	struct profile *p;

	if (!records_have_binary())
		skip();
	take_code(1, "main", 1);
	take_code(2, "work", 5);
	take_sample(SCRY_WALK_OK, two);
	take_sample(SCRY_WALK_OK, two);
	p = finish();
	assert_int_equal(p->samples.count, 2);
	assert_string_equal(stack_text(p, 0), "work main");
	assert_int_equal(p->samples.item[0].stack, p->samples.item[1].stack);
	assert_int_equal(p->samples.item[0].value, 10 * MS);
	profile_destroy(p);
}

static void shows_an_id_never_told_of_as_such(void **state)
{
	static const uint32_t unknown[] = { 77, 1, 0 }, wild[] = { 0xffffffff, 0x7fffffff, 1u << 28, 0 };
	struct profile *p;

	take_sample(SCRY_WALK_OK, unknown);
	take_sample(SCRY_WALK_OK, wild);
	p = finish();
	assert_string_equal(stack_text(p, 0), "[name not known] [name not known]");
	assert_string_equal(stack_text(p, 1), "[name not known] [name not known] [name not known]");
	profile_destroy(p);
}

static void says_at_the_root_what_is_missing(void **state)
{
	struct profile *p;

	for (int error = 1; error < SCRY_WALK_ERROR_COUNT; error++)
		take_sample(error, two);
	take_sample(SCRY_WALK_NO_THREAD_STATE, NULL);
	p = finish();
	assert_int_equal(p->samples.count, SCRY_WALK_ERROR_COUNT);
	for (int error = 1; error < SCRY_WALK_ERROR_COUNT; error++) {
		static const char *const texts[] = {
#define X(name, text) text,
			SCRY_WALK_ERRORS(X)
#undef X
		};
		char wanted[128];

		snprintf(wanted, sizeof(wanted), "[name not known] [name not known] [%s]",
			 error == SCRY_WALK_TRUNCATED ? "truncated" : texts[error]);
		assert_string_equal(stack_text(p, error - 1), wanted);
		assert_string_equal(profile_text(p, p->samples.item[error - 1].error), texts[error]);
	}
	assert_string_equal(stack_text(p, SCRY_WALK_ERROR_COUNT - 1), "[thread outside the interpreter]");
	profile_destroy(p);
}

static void ignores_samples_that_are_not_well_formed(void **state)
{
	union record_sample record;
	size_t size = record_sample(&record, 10, 10, "python3", two);
	struct profile *p;

	take(&record, size - 1);
	take(&record, sizeof(struct scry_sample) - 1);
	take(&record, sizeof(struct scry_record));
	record.sample.count = 0xffff;
	take(&record, size);
	record.sample.count = 2;
	record.sample.error = SCRY_WALK_ERROR_COUNT;
	take(&record, size);
	record.sample.error = 255;
	take(&record, size);
	assert_int_equal(recorder_samples(recorder), 0);
	record.sample.error = 0;
	record.sample.head.kind = 0xffffffff;
	take(&record, size);
	assert_int_equal(recorder_samples(recorder), 0);
	p = finish();
	assert_int_equal(p->samples.count, 0);
	profile_destroy(p);
}

static void a_process_that_ends_or_execs_makes_room_for_another(void **state)
{
	static const uint32_t kinds[] = { SCRY_RECORD_EXIT, SCRY_RECORD_EXEC };
	struct profile *p;

	for (size_t i = 0; i < 2; i++) {
		struct scry_process end = record_process(kinds[i], 10);

		take_sample(SCRY_WALK_OK, NULL);
		take(&end, sizeof(end));
	}
	take_sample(SCRY_WALK_OK, NULL);
	p = finish();
	assert_int_equal(p->samples.count, 3);
	assert_true(p->samples.item[0].thread != p->samples.item[1].thread);
	assert_true(p->samples.item[1].thread != p->samples.item[2].thread);
	profile_destroy(p);
}

static void calls_weigh_their_own_time_when_they_end(void **state)
{
	struct profile *p;

	if (!records_have_binary())
		skip();
	take_calls();
	p = finish();
	assert_int_equal(p->samples.count, 2);
	assert_string_equal(stack_text(p, 0), "work main");
	assert_int_equal(p->samples.item[0].value, 7);
	assert_int_equal(p->samples.item[1].value, 5);
	profile_destroy(p);
}

static void calls_are_counted_once_when_they_begin(void **state)
{
	struct profile *p;

	if (!records_have_binary())
		skip();
	take_calls();
	p = finish();
	assert_int_equal(p->samples.count, 2);
	assert_int_equal(p->samples.item[0].value, 1);
	assert_int_equal(p->samples.item[1].value, 1);
	profile_destroy(p);
}

static void a_leaf_tells_what_an_event_was(void **state)
{
	static const struct {
		struct scry_event event;
		const char *text, *wanted;
	} rows[] = {
		{ { .event = SCRY_EVENT_GC, .number = 2, .own_ns = 40 }, NULL, "[gc generation 2]" },
		{ { .event = SCRY_EVENT_GC, .number = -1, .own_ns = 40 }, NULL, "[gc]" },
		{ { .event = SCRY_EVENT_IMPORT, .duration_ns = 99, .own_ns = 40 }, "json.decoder", "[import json.decoder]" },
		{ { .event = SCRY_EVENT_EXCEPTION, .own_ns = 40 }, "KeyError", "[raise KeyError]" },
		{ { .event = SCRY_EVENT_EXCEPTION, .own_ns = 40 }, NULL, "[raise ?]" },
	};
	struct profile *p;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		take_event(&rows[i].event, rows[i].text);
	p = finish();
	assert_int_equal(p->samples.count, sizeof(rows) / sizeof(rows[0]));
	for (size_t i = 0; i < p->samples.count; i++) {
		char wanted[128];

		snprintf(wanted, sizeof(wanted), "%s [name not known] [name not known]", rows[i].wanted);
		assert_string_equal(stack_text(p, i), wanted);
		assert_int_equal(p->samples.item[i].value, 40);
	}
	profile_destroy(p);
}

static void ignores_events_that_are_not_well_formed(void **state)
{
	struct event_made made = {
		.event = { .event = SCRY_EVENT_IMPORT }, .codes = two, .count = 2, .text = { "module" },
	};
	union record_event record;
	size_t size = record_event(&record, &made);
	struct profile *p;

	for (size_t cut = 0; cut < size; cut++)
		if (cut >= sizeof(struct scry_record))
			take(&record, cut);
	record.sample.count = 0xffff;
	take(&record, size);
	p = finish();
	assert_int_equal(p->samples.count, 0);
	profile_destroy(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(names_the_frames_of_a_stack, setup),
		cmocka_unit_test_setup(shows_an_id_never_told_of_as_such, setup),
		cmocka_unit_test_setup(says_at_the_root_what_is_missing, setup),
		cmocka_unit_test_setup(ignores_samples_that_are_not_well_formed, setup),
		cmocka_unit_test_setup(a_process_that_ends_or_execs_makes_room_for_another, setup),
		cmocka_unit_test_setup(calls_weigh_their_own_time_when_they_end, setup_timed),
		cmocka_unit_test_setup(calls_are_counted_once_when_they_begin, setup_counted),
		cmocka_unit_test_setup(a_leaf_tells_what_an_event_was, setup_timed),
		cmocka_unit_test_setup(ignores_events_that_are_not_well_formed, setup_timed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
