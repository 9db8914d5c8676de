// SPDX-License-Identifier: GPL-2.0-only
/* Events taken apart: every length in a record may lie. */
#include "event_records.h"

#include <errno.h>

#include "profiler/base/cleanup.h"
#include "profiler/events.h"

static const unsigned codes[] = { 3, 2, 1 };

static const struct event_made raised = {
	.event = { .event = SCRY_EVENT_EXCEPTION, .depth = 2, .duration_ns = 5, .own_ns = 4, .number = -1, .number2 = 7 },
	.tid = 12, .time = 1000, .codes = codes, .count = 3, .text = { "ValueError", "no \xc3\xbc" },
};

static void takes_an_event_apart(void **state)
{
	union record_event r;
	struct event e;

	assert_int_equal(event_decode(&r.head, record_event(&r, &raised), &e), 0);
	assert_int_equal(e.kind, SCRY_EVENT_EXCEPTION);
	assert_int_equal(e.time, START_NS + 1000);
	assert_int_equal(e.pid, 4711);
	assert_int_equal(e.tid, 12);
	assert_int_equal(e.depth, 2);
	assert_int_equal(e.duration_ns, 5);
	assert_int_equal(e.own_ns, 4);
	assert_int_equal(e.number, -1);
	assert_int_equal(e.number2, 7);
	assert_int_equal(e.frame_count, 3);
	assert_int_equal(e.frames[2].code, 1);
	assert_string_equal(e.text[0], "ValueError");
	assert_string_equal(e.text[1], "no \xc3\xbc");
}

static void texts_of_every_width_become_utf8(void **state)
{
	static const struct {
		unsigned kind, bytes;
		const char *text, *expected;
	} cases[] = {
		{ 0, 2, "\xc3\xbc", "\xc3\xbc" },
		{ 1, 2, "\xfcz", "\xc3\xbcz" },
		{ 1, 2, "\0z", "\xef\xbf\xbdz" },
		{ 2, 4, "\xac\x20z\0", "\xe2\x82\xacz" },
		{ 2, 3, "\xac\x20z", "\xe2\x82\xac" },
		{ 4, 8, "\x00\xf6\x01\0z\0\0\0", "\xf0\x9f\x98\x80z" },
		{ 4, 4, "\xff\xff\xff\xff", "\xef\xbf\xbd" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event_made made = raised;
		union record_event r;
		struct event e;

		made.event.text_kind[1] = cases[i].kind;
		made.event.text_bytes[1] = cases[i].bytes;
		made.text[1] = cases[i].text;
		assert_int_equal(event_decode(&r.head, record_event(&r, &made), &e), 0);
		assert_string_equal(e.text[1], cases[i].expected);
	}
}

/* In memory of its exact size, so that a byte read behind it is found. */
static int decode_exactly(const union record_event *r, size_t size)
{
	struct scry_record *copy = malloc(size ? size : 1);
	static struct event e;
	int err;

	assert_non_null(copy);
	memcpy(copy, r, size);
	err = event_decode(copy, size, &e);
	free(copy);
	return err;
}

static void a_record_cut_anywhere_is_refused(void **state)
{
	union record_event r;
	size_t size = record_event(&r, &raised);

	assert_int_equal(decode_exactly(&r, size), 0);
	for (size_t cut = sizeof(struct scry_record); cut < size; cut++)
		assert_int_equal(decode_exactly(&r, cut), -EINVAL);
}

static struct scry_event *event_of(union record_event *r)
{
	return (struct scry_event *)&r->sample.frames[r->sample.count];
}

static void lying_lengths_are_refused(void **state)
{
	union record_event r;
	size_t size = record_event(&r, &raised);

	r.sample.count = 65535;
	assert_int_equal(decode_exactly(&r, size), -EINVAL);
	size = record_event(&r, &raised);
	event_of(&r)->text_bytes[0] = UINT32_MAX;
	assert_int_equal(decode_exactly(&r, size), -EINVAL);
	size = record_event(&r, &raised);
	event_of(&r)->text_bytes[1]++;
	assert_int_equal(decode_exactly(&r, size), -EINVAL);
}

static void unknown_kinds_are_refused(void **state)
{
	union record_event r;
	size_t size = record_event(&r, &raised);

	event_of(&r)->event = SCRY_EVENT_COUNT;
	assert_int_equal(decode_exactly(&r, size), -EINVAL);
	event_of(&r)->event = SCRY_EVENT_CPU;
	assert_int_equal(decode_exactly(&r, size), -EINVAL);
	event_of(&r)->event = SCRY_EVENT_CALL;
	event_of(&r)->type = SCRY_CALL_DROPPED + 1;
	assert_int_equal(decode_exactly(&r, size), -EINVAL);
	event_of(&r)->type = SCRY_CALL_DROPPED;
	assert_int_equal(decode_exactly(&r, size), 0);
	event_of(&r)->text_kind[0] = 3;
	assert_int_equal(decode_exactly(&r, size), -EINVAL);
	event_of(&r)->text_kind[0] = 0;
	r.sample.error = SCRY_WALK_ERROR_COUNT;
	assert_int_equal(decode_exactly(&r, size), -EINVAL);
	r.sample.error = 0;
	r.head.kind = SCRY_RECORD_SAMPLE;
	assert_int_equal(decode_exactly(&r, size), -EINVAL);
}

static void a_text_longer_than_any_is_cut(void **state)
{
	static char text[3000];
	struct event_made made = raised;
	union record_event r;
	struct event e;

	memset(text, 0xff, sizeof(text) - 1);
	made.text[0] = text;
	made.event.text_kind[0] = 1;
	assert_int_equal(event_decode(&r.head, record_event(&r, &made), &e), 0);
	assert_int_equal(strlen(e.text[0]), 2 * SCRY_EVENT_TEXT);
	assert_string_equal(e.text[1], "no \xc3\xbc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_an_event_apart),
		cmocka_unit_test(texts_of_every_width_become_utf8),
		cmocka_unit_test(a_record_cut_anywhere_is_refused),
		cmocka_unit_test(lying_lengths_are_refused),
		cmocka_unit_test(unknown_kinds_are_refused),
		cmocka_unit_test(a_text_longer_than_any_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
