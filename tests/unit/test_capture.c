// SPDX-License-Identifier: GPL-2.0-only
/* What is written to a capture is what is read back, whatever happens to the end of the file. */
#include "capture_text.h"

#include <endian.h>
#include <errno.h>
#include <sys/stat.h>
#include <zstd.h>

#include "profiler/capture_format.h"

static void gives_back_what_was_written(void **state)
{
	struct test_file f;
	struct profile *p;
	uint32_t other;

	test_open(&f);
	test_sample(&f, 10, "main:app.py:1:9 work:app.py:4:5", NULL);
	test_sample(&f, 20, "main:app.py:1:9 work:app.py:4:6", "frame not readable (page not present)");
	other = capture_thread(f.w, 1, 4711, 4712);
	capture_sample(f.w, START_NS + 30 * MS, other, CAPTURE_NO_STACK, 77, NULL);
	capture_lost(f.w, 3);
	p = test_close(&f, 1000);

	assert_int_equal(p->samples.count, 3);
	assert_false(p->cut);
	assert_int_equal(p->duration_ns, 1000 * MS);
	assert_int_equal(p->lost, 3);
	assert_string_equal(p->header.target, "pid 4711 (python3)");
	assert_string_equal(p->header.event, "cpu");
	assert_string_equal(p->header.unit, "ns");
	assert_int_equal(p->header.frequency, 100);
	assert_int_equal(p->header.start_realtime_ns, test_header.start_realtime_ns);
	assert_int_equal(p->header.start_ns, START_NS);
	assert_int_equal(p->header.max_stack, 1024);

	assert_int_equal(p->samples.item[0].time, 10 * MS);
	assert_int_equal(p->samples.item[0].value, 10 * MS);
	assert_int_equal(p->samples.item[0].error, 0);
	assert_string_equal(profile_text(p, p->samples.item[1].error),
			    "frame not readable (page not present)");
	assert_int_equal(p->samples.item[2].value, 77);
	assert_int_equal(p->samples.item[2].stack, CAPTURE_NO_STACK);
	assert_int_equal(p->threads.item[p->samples.item[2].thread].tid, 4712);
	profile_destroy(p);
}

static void keeps_frames_their_lines_and_callers(void **state)
{
	const struct profile_function *function;
	const struct profile_stack *leaf;
	struct test_file f;
	struct profile *p;

	test_open(&f);
	test_sample(&f, 10, "main:app.py:1:9 work:lib.py:40:45", NULL);
	p = test_close(&f, 20);
	leaf = &p->stacks.item[p->samples.item[0].stack];
	function = &p->functions.item[p->frames.item[leaf->frame].function];
	assert_string_equal(profile_text(p, function->name), "work");
	assert_string_equal(profile_text(p, function->file), "lib.py");
	assert_int_equal(function->line, 40);
	assert_int_equal(p->frames.item[leaf->frame].line, 45);
	leaf = &p->stacks.item[leaf->parent];
	function = &p->functions.item[p->frames.item[leaf->frame].function];
	assert_string_equal(profile_text(p, function->name), "main");
	assert_int_equal(leaf->parent, CAPTURE_NO_STACK);
	profile_destroy(p);
}

static void gives_the_same_index_for_the_same_thing(void **state)
{
	struct test_file f;
	uint32_t function, frame, stack;

	test_open(&f);
	function = capture_function(f.w, CAPTURE_INTERPRETED, "f", "a.py", 3);
	frame = capture_frame(f.w, function, 4);
	stack = capture_stack(f.w, CAPTURE_NO_STACK, frame);
	assert_int_equal(capture_function(f.w, CAPTURE_INTERPRETED, "f", "a.py", 3), function);
	assert_int_not_equal(capture_function(f.w, CAPTURE_INTERPRETED, "f", "a.py", 4), function);
	assert_int_not_equal(capture_function(f.w, CAPTURE_NATIVE, "f", "a.py", 3), function);
	assert_int_not_equal(capture_function(f.w, CAPTURE_INTERPRETED, "f", "b.py", 3), function);
	assert_int_equal(capture_frame(f.w, function, 4), frame);
	assert_int_not_equal(capture_frame(f.w, function, 5), frame);
	assert_int_equal(capture_stack(f.w, CAPTURE_NO_STACK, frame), stack);
	assert_int_not_equal(capture_stack(f.w, stack, frame), stack);
	assert_int_equal(capture_thread(f.w, 1, 4711, 4711), f.thread);
	assert_int_not_equal(capture_thread(f.w, 2, 4711, 4711), f.thread);
	profile_destroy(test_close(&f, 0));
}

static void lets_the_last_name_of_a_thread_stand(void **state)
{
	struct test_file f;
	struct profile *p;

	test_open(&f);
	test_sample(&f, 1, "main", NULL);
	assert_int_equal(capture_flush(f.w), 0);
	capture_name_thread(f.w, f.thread, "worker-7");
	p = test_close(&f, 2);
	assert_string_equal(profile_text(p, p->threads.item[f.thread].name), "worker-7");
	profile_destroy(p);
}

static void keeps_any_bytes_of_a_name(void **state)
{
	static const char name[] = "a;b\n\033[31m\xff\xfe\"<script>";
	struct test_file f;
	struct profile *p;
	uint32_t function;

	test_open(&f);
	function = capture_function(f.w, CAPTURE_INTERPRETED, name, "", -5);
	p = test_close(&f, 2);
	assert_string_equal(profile_text(p, p->functions.item[function].name), name);
	assert_int_equal(p->functions.item[function].line, -5);
	profile_destroy(p);
}

/* Samples of seconds 0, 1, 2, each in a chunk of its own, and the sizes of the file after each. */
static int three_seconds(off_t *sizes)
{
	struct test_file f;

	test_open(&f);
	for (int second = 0; second < 3; second++) {
		for (int i = 0; i < 10; i++)
			test_sample(&f, (uint64_t)(second * 1000 + i * 100),
				    i % 2 ? "main a" : "main b:f.py:1:2", NULL);
		assert_int_equal(capture_flush(f.w), 0);
		sizes[second] = (off_t)capture_size(f.w);
	}
	assert_int_equal(capture_finish(f.w, START_NS + 3000 * MS, NULL), 0);
	return f.fd;
}

static void reads_a_killed_recording_up_to_its_last_whole_chunk(void **state)
{
	off_t sizes[3];
	int fd = three_seconds(sizes);
	struct profile *p;

	err_quiet(1);
	for (off_t size = sizes[2]; size >= sizes[0]; size--) {
		size_t whole = size >= sizes[2] ? 30 : size >= sizes[1] ? 20 : 10;

		assert_int_equal(ftruncate(fd, size), 0);
		p = test_load(fd);
		assert_true(p->cut);
		assert_int_equal(p->samples.count, whole);
		assert_int_equal(p->duration_ns, (whole / 10 - 1) * 1000 * MS + 900 * MS);
		profile_destroy(p);
	}
	err_quiet(0);
	close(fd);
}

static void stops_at_a_damaged_chunk(void **state)
{
	off_t sizes[3];
	int fd = three_seconds(sizes);
	unsigned char byte;
	struct profile *p;

	err_quiet(1);
	/* Any byte of the second chunk: its head, its zstd frame, its checksum. */
	for (off_t at = sizes[0]; at < sizes[1]; at++) {
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x40;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		p = test_load(fd);
		assert_true(p->cut);
		assert_int_equal(p->samples.count, 10);
		profile_destroy(p);
		byte ^= 0x40;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	err_quiet(0);
	close(fd);
}

/* A chunk by hand. */
static void append_chunk(int fd, uint32_t number, const void *plain, size_t size)
{
	size_t bound = ZSTD_compressBound(size);
	unsigned char *packed = malloc(bound);
	size_t packed_size = ZSTD_compress(packed, bound, plain, size, 3);
	const struct capture_chunk_head head = {
		htole32(CAPTURE_CHUNK_MAGIC), htole32(number), htole32((uint32_t)packed_size),
			htole32((uint32_t)size), };

	assert_false(ZSTD_isError(packed_size));
	assert_int_equal(write(fd, &head, sizeof(head)), sizeof(head));
	assert_int_equal(write(fd, packed, packed_size), packed_size);
	free(packed);
}

static void does_not_unpack_a_bomb(void **state)
{
	static const unsigned char end[] = { CAPTURE_END, 2, 9, 0 };
	unsigned char *zeros = calloc(CAPTURE_CHUNK_MAX, 1);
	struct profile *p;
	int fd;

	/* Sections of a kind that nobody knows: one chunk of them is odd but readable, the end comes after it. */
	for (uint32_t bombs = 1; bombs <= 3; bombs++) {
		fd = memfd_create("bomb", MFD_CLOEXEC);
		assert_int_equal(write(fd, CAPTURE_MAGIC "\1\0\0\0\0\0\0\0", 16), 16);
		for (uint32_t i = 0; i < bombs; i++)
			append_chunk(fd, i, zeros, CAPTURE_CHUNK_MAX - 2);
		append_chunk(fd, bombs, end, sizeof(end));
		err_quiet(1);
		p = test_load(fd);
		err_quiet(0);
		assert_int_equal(p->cut, bombs > 1);
		profile_destroy(p);
		close(fd);
	}
	free(zeros);
}

static void refuses_what_is_no_capture(void **state)
{
	static const char *const texts[] = { "", "scry", "main;work 12\n",
						   "scrycap\n\x02\0\0\0\0\0\0\0" };
	struct profile *p = NULL;

	for (size_t i = 0; i < 4; i++) {
		int fd = memfd_create("no capture", MFD_CLOEXEC);

		assert_int_equal(write(fd, texts[i], i == 3 ? 16 : strlen(texts[i])),
				 i == 3 ? 16 : (ssize_t)strlen(texts[i]));
		assert_int_equal(profile_load(fd, "x", &p), i == 3 ? -ENOTSUP : -EINVAL);
		close(fd);
	}
}

static void reads_a_capture_from_a_pipe(void **state)
{
	off_t sizes[3];
	int fd = three_seconds(sizes), ends[2];
	char bytes[65536];
	struct profile *p;
	ssize_t size = pread(fd, bytes, sizeof(bytes), 0);

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], bytes, (size_t)size), size);
	close(ends[1]);
	p = test_load(ends[0]);
	assert_int_equal(p->samples.count, 30);
	assert_false(p->cut);
	profile_destroy(p);
	close(ends[0]);
	close(fd);
}

static void hands_over_the_unnamed_file(void **state)
{
	struct capture_writer *w;
	struct profile *p;
	int fd = -1;

	assert_int_equal(capture_create(NULL, &test_header, &w), 0);
	capture_sample(w, START_NS, capture_thread(w, 1, 2, 3), CAPTURE_NO_STACK, 1, NULL);
	assert_int_equal(capture_finish(w, START_NS + MS, &fd), 0);
	p = test_load(fd);
	assert_int_equal(p->samples.count, 1);
	profile_destroy(p);
	close(fd);
}

static void reports_a_full_disk_once(void **state)
{
	struct capture_writer *w = NULL;

	if (access("/dev/full", W_OK))
		skip();
	assert_int_equal(capture_create("/dev/full", &test_header, &w), -ENOSPC);
}

static void splits_huge_names_over_chunks(void **state)
{
	char *name = malloc(100001);
	struct test_file f;
	struct profile *p;

	memset(name, 'x', 100000);
	name[100000] = '\0';
	test_open(&f);
	for (int i = 0; i < 200; i++) {
		memcpy(name, "0000", 4);
		name[0] = (char)('0' + i / 100);
		name[1] = (char)('0' + i / 10 % 10);
		name[2] = (char)('0' + i % 10);
		assert_int_equal(capture_function(f.w, CAPTURE_INTERPRETED, name, "", i), i + 1);
	}
	p = test_close(&f, 1);
	assert_int_equal(p->functions.count, 201);
	assert_int_equal(strlen(profile_text(p, p->functions.item[200].name)), CAPTURE_TEXT_MAX);
	assert_memory_equal(profile_text(p, p->functions.item[150].name), "149", 3);
	profile_destroy(p);
	free(name);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_was_written),
		cmocka_unit_test(keeps_frames_their_lines_and_callers),
		cmocka_unit_test(gives_the_same_index_for_the_same_thing),
		cmocka_unit_test(lets_the_last_name_of_a_thread_stand),
		cmocka_unit_test(keeps_any_bytes_of_a_name),
		cmocka_unit_test(reads_a_killed_recording_up_to_its_last_whole_chunk),
		cmocka_unit_test(stops_at_a_damaged_chunk),
		cmocka_unit_test(does_not_unpack_a_bomb),
		cmocka_unit_test(refuses_what_is_no_capture),
		cmocka_unit_test(reads_a_capture_from_a_pipe),
		cmocka_unit_test(hands_over_the_unnamed_file),
		cmocka_unit_test(reports_a_full_disk_once),
		cmocka_unit_test(splits_huge_names_over_chunks),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
