// SPDX-License-Identifier: GPL-2.0-only
/* Reading chunks that contradict themselves, and summing what was read. */
#include "capture_text.h"

#include <errno.h>

#include "bench/synthetic.h"
#include "profiler/base/buffer.h"
#include "profiler/profile_chunk.h"
#include "profiler/profile_rows.h"

/* A section made of numbers below 128, ended by -1. */
static void put_section(struct buffer *chunk, int kind, const int *numbers)
{
	struct buffer section = { 0 };

	for (; *numbers >= 0; numbers++)
		buffer_put_number(&section, (uint64_t)*numbers);
	buffer_put_number(chunk, (uint64_t)kind);
	buffer_put_text(chunk, (const char *)section.bytes, section.size);
	buffer_deinit(&section);
}

#define SECTION(chunk, kind, ...) put_section(chunk, kind, (const int[]){ __VA_ARGS__, -1 })

/* Two strings, a function, two frames, two stacks (one on the other), a thread, an event with
 * the period 10. */
static void put_definitions(struct buffer *chunk)
{
	SECTION(chunk, CAPTURE_EVENTS, 10, 1, 2);
	SECTION(chunk, CAPTURE_STRINGS, 1, 'f', 1, 'g');
	SECTION(chunk, CAPTURE_FUNCTIONS, 0, 1, 2, 6);
	SECTION(chunk, CAPTURE_FRAMES, 1, 8, 1, 0);
	SECTION(chunk, CAPTURE_STACKS, 1, 1, 1, 2);
	SECTION(chunk, CAPTURE_THREADS, 1, 7, 7);
}

/* Add the chunk to a profile that has the definitions; the chunk is emptied. */
static int add(struct profile *p, struct buffer *chunk, bool *ended)
{
	int err = profile_chunk_add(p, cursor_over(chunk->bytes, chunk->size), ended);

	buffer_clear(chunk);
	return err;
}

static struct profile *defined(struct buffer *chunk)
{
	struct profile *p = profile_create("test");
	bool ended;

	put_definitions(chunk);
	assert_int_equal(add(p, chunk, &ended), 0);
	assert_false(ended);
	return p;
}

static void reads_what_the_format_says(void **state)
{
	struct buffer chunk = { 0 };
	struct profile *p = defined(&chunk);
	bool ended;

	assert_int_equal(p->stacks.count, 3);
	assert_int_equal(p->stacks.item[2].parent, 1);
	assert_int_equal(p->functions.item[1].line, 3);
	/* Event 0, three samples from tick 100; times +0 +1 -1; the second has value 5, the
	 * third the error "g". */
	SECTION(&chunk, CAPTURE_SAMPLES, 0, 3, 100, CAPTURE_TIMES, 3, 0, 2, 1,
		CAPTURE_THREAD_INDICES, 3, 1, 1, 1,
		CAPTURE_STACK_INDICES, 3, 2, 1, 0, CAPTURE_VALUES, 2, 1, 5, CAPTURE_ERRORS, 2, 2, 2);
	SECTION(&chunk, CAPTURE_END, 120, 3);
	assert_int_equal(add(p, &chunk, &ended), 0);
	assert_true(ended);
	assert_int_equal(p->samples.count, 3);
	assert_int_equal(p->samples.item[1].time, 101);
	assert_int_equal(p->samples.item[2].time, 100);
	assert_int_equal(p->samples.item[0].value, 10);
	assert_int_equal(p->samples.item[1].value, 5);
	assert_int_equal(p->samples.item[2].error, 2);
	assert_int_equal(p->duration_ns, 120);
	profile_destroy(p);
	buffer_deinit(&chunk);
}

static void skips_what_a_newer_scry_added(void **state)
{
	struct buffer chunk = { 0 };
	struct profile *p = defined(&chunk);
	bool ended;

	SECTION(&chunk, 99, 1, 2, 3);
	SECTION(&chunk, CAPTURE_SAMPLES, 0, 0, 0);
	SECTION(&chunk, CAPTURE_FACTS, 77, 2, 1, 1, 3, 1, 99);
	SECTION(&chunk, CAPTURE_SAMPLES, 0, 1, 100, CAPTURE_TIMES, 1, 0, CAPTURE_THREAD_INDICES, 1, 1,
		CAPTURE_STACK_INDICES, 1, 2, 50, 3, 1, 2, 3);
	assert_int_equal(add(p, &chunk, &ended), 0);
	assert_int_equal(p->samples.count, 1);
	assert_int_equal(p->header.frequency, 99);
	profile_destroy(p);
	buffer_deinit(&chunk);
}

#define BAD(kind, ...) { kind, { __VA_ARGS__, -1 } }

static const struct {
	int kind, numbers[24];
} bad_sections[] = {
	BAD(CAPTURE_STRINGS, 9, 'x'),				/* a text longer than the section */
	BAD(CAPTURE_FUNCTIONS, 0, 3, 0, 0),			/* no such string */
	BAD(CAPTURE_FUNCTIONS, 0, 0, 3, 0),
	BAD(CAPTURE_FUNCTIONS, 0, 1),				/* cut */
	BAD(CAPTURE_FRAMES, 2, 0),				/* no such function */
	BAD(CAPTURE_STACKS, 0, 1),				/* its own caller */
	BAD(CAPTURE_STACKS, 4, 1),				/* caller before the first stack */
	BAD(CAPTURE_STACKS, 1, 3),				/* no such frame */
	BAD(CAPTURE_THREADS, 1, 7),				/* cut */
	BAD(CAPTURE_THREAD_NAMES, 2, 1),			/* no such thread */
	BAD(CAPTURE_THREAD_NAMES, 1, 3),			/* no such string */
	BAD(CAPTURE_PROCESS_NAMES, 1, 7, 3),
	BAD(CAPTURE_EVENTS, 10, 9, 0),				/* no such string, not even later */
	BAD(CAPTURE_LOST, 1),
	BAD(CAPTURE_SAMPLES, 1, 0, 0),				/* no such event */
	BAD(CAPTURE_SAMPLES, 0, 1, 0, 1, 9, 1),			/* a column longer than the section */
	BAD(CAPTURE_SAMPLES, 0, 9, 0, 1, 1, 1, 2, 1, 1, 3, 1, 1),	/* more samples than times */
	BAD(CAPTURE_SAMPLES, 0, 2, 0, 1, 2, 1, 1, 2, 1, 1, 3, 2, 1, 1),	/* fewer threads than samples */
	BAD(CAPTURE_SAMPLES, 0, 1, 0, 1, 1, 0, 2, 1, 1),	/* no stacks */
	BAD(CAPTURE_SAMPLES, 0, 1, 0, 1, 1, 0, 2, 1, 2, 3, 1, 1),	/* no such thread */
	BAD(CAPTURE_SAMPLES, 0, 1, 0, 1, 1, 0, 2, 1, 1, 3, 1, 3),	/* no such stack */
	BAD(CAPTURE_SAMPLES, 0, 1, 0, 1, 1, 0, 2, 1, 1, 3, 1, 1, 5, 2, 0, 3),	/* no such error */
	BAD(CAPTURE_SAMPLES, 0, 1, 0, 1, 1, 1, 2, 1, 1, 3, 1, 1),	/* before the start */
};

static void stops_at_a_section_that_cannot_be(void **state)
{
	for (size_t i = 0; i < sizeof(bad_sections) / sizeof(bad_sections[0]); i++) {
		struct buffer chunk = { 0 };
		struct profile *p = defined(&chunk);
		bool ended;

		put_section(&chunk, bad_sections[i].kind, bad_sections[i].numbers);
		SECTION(&chunk, CAPTURE_STRINGS, 5, 'l', 'a', 't', 'e', 'r');
		SECTION(&chunk, CAPTURE_END, 1, 0);
		assert_int_equal(add(p, &chunk, &ended), -EBADMSG);
		assert_false(ended && bad_sections[i].kind != CAPTURE_EVENTS);
		assert_int_equal(p->samples.count, 0);
		assert_int_equal(p->stacks.count, 3);
		assert_true(p->strings.count == 3 || bad_sections[i].kind == CAPTURE_EVENTS);
		profile_destroy(p);
		buffer_deinit(&chunk);
	}
}

static void stops_at_any_cut(void **state)
{
	struct buffer chunk = { 0 };
	struct profile *p;
	size_t whole;

	put_definitions(&chunk);
	whole = chunk.size;
	for (size_t size = 0; size < whole; size++) {
		/* A copy of just that size, so that a read beyond it is seen. */
		unsigned char *cut = malloc(size);
		bool ended;
		int err;

		memcpy(cut, chunk.bytes, size);
		p = profile_create("test");
		err = profile_chunk_add(p, cursor_over(cut, size), &ended);
		assert_true(err == 0 || err == -EBADMSG);
		profile_destroy(p);
		free(cut);
	}
	buffer_deinit(&chunk);
}

static struct profile_row *rows_of(struct profile *p, const struct output_options *options,
				   size_t *count)
{
	struct profile_tree *tree;
	struct profile_row *rows;

	assert_int_equal(profile_tree_create(p, options, &tree), 0);
	assert_int_equal(profile_rows(tree, options, &rows, count), 0);
	profile_tree_destroy(tree);
	return rows;
}

static void counts_a_recursive_function_once_a_sample(void **state)
{
	const struct output_options options = { 0 };
	struct profile_row *rows;
	struct test_file f;
	struct profile *p;
	size_t count;

	test_open(&f);
	test_sample(&f, 1, "a b a b a", NULL);
	test_sample(&f, 2, "a b a b", NULL);
	test_sample(&f, 3, "b a", NULL);
	test_sample(&f, 4, "b", NULL);
	p = test_close(&f, 5);
	rows = rows_of(p, &options, &count);
	assert_int_equal(count, 2);
	assert_string_equal(profile_text(p, rows[0].label.name), "b");
	assert_int_equal(rows[0].self.samples, 2);
	assert_int_equal(rows[0].total.samples, 4);
	assert_int_equal(rows[1].self.samples, 2);
	assert_int_equal(rows[1].total.samples, 3);
	assert_int_equal(rows[1].total.value, 30 * MS);
	free(rows);
	profile_destroy(p);
}

static void walks_stacks_of_any_depth(void **state)
{
	const struct output_options options = { .func = "leaf" };
	struct profile_row *rows;
	uint32_t stack = 0, frame;
	struct test_file f;
	struct profile *p;
	size_t count;

	test_open(&f);
	for (int i = 0; i < 300000; i++) {
		const char *name = i % 2 ? "a" : "b";

		frame = capture_function(f.w, CAPTURE_INTERPRETED, name, "", 0);
		frame = capture_frame(f.w, frame, i);
		stack = capture_stack(f.w, stack, frame);
	}
	frame = capture_frame(f.w, capture_function(f.w, CAPTURE_INTERPRETED, "leaf", "", 0), 0);
	capture_sample(f.w, START_NS, f.thread, capture_stack(f.w, stack, frame), MS, NULL);
	p = test_close(&f, 1);
	rows = rows_of(p, &options, &count);
	assert_int_equal(count, 3);
	assert_int_equal(rows[0].self.samples, 1);
	assert_int_equal(rows[1].total.samples, 1);
	free(rows);
	profile_destroy(p);
}

static void tells_lives_of_a_pid_apart(void **state)
{
	const struct output_options options = { .by = OUTPUT_BY_PROCESS };
	struct profile_row *rows;
	struct test_file f;
	struct profile *p;
	size_t count;

	test_open(&f);
	for (uint32_t life = 1; life <= 2; life++)
		for (uint32_t tid = 0; tid < 3; tid++)
			capture_sample(f.w, START_NS, capture_thread(f.w, life, 4711, 4711 + tid),
				       0, MS, NULL);
	capture_name_process(f.w, 2, 4711, "second");
	p = test_close(&f, 1);
	rows = rows_of(p, &options, &count);
	assert_int_equal(count, 2);
	assert_int_equal(rows[0].threads, 3);
	assert_int_equal(rows[1].self.samples, 3);
	assert_string_equal(profile_text(p, p->processes.item[1].name), "python3");
	assert_string_equal(profile_text(p, p->processes.item[2].name), "second");
	free(rows);
	profile_destroy(p);
}

static void takes_few_bytes_a_sample(void **state)
{
	struct synthetic s = { .samples = 20000, .frequency = 99, .threads = 5, .stacks = 500,
		.depth = 20, .random = 1 };
	int fd = memfd_create("size", MFD_CLOEXEC);
	uint64_t size = synthetic_write(&s, fd);
	struct profile *p = test_load(fd);

	assert_int_equal(p->samples.count, 20000);
	/* 3.4 as measured, all definitions included; the format must not lose that unnoticed. */
	assert_in_range(size, 20000, 5 * 20000);
	profile_destroy(p);
	close(fd);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_the_format_says),
		cmocka_unit_test(skips_what_a_newer_scry_added),
		cmocka_unit_test(stops_at_a_section_that_cannot_be),
		cmocka_unit_test(stops_at_any_cut),
		cmocka_unit_test(counts_a_recursive_function_once_a_sample),
		cmocka_unit_test(walks_stacks_of_any_depth),
		cmocka_unit_test(tells_lives_of_a_pid_apart),
		cmocka_unit_test(takes_few_bytes_a_sample),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
