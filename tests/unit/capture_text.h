/* SPDX-License-Identifier: GPL-2.0-only */
/* For tests of captures: make one in memory, read it, see what an output makes of it. */
#ifndef TEST_CAPTURE_TEXT_H
#define TEST_CAPTURE_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#undef fail	/* cmocka's macro, which base/err.h cannot live with */
#include "profiler/base/err.h"
#include "profiler/capture.h"
#include "profiler/output.h"
#include "profiler/profile.h"
#include "profiler/sink.h"

#define START_NS 5000000000ULL
#define MS	 1000000ULL

static const struct capture_header test_header = {
	.start_realtime_ns = 1767348000000000000ULL, .start_ns = START_NS, .period_ns = 10 * MS,
	.frequency = 100,
	.max_stack = 1024, .cpus = 4, .event = "cpu", .unit = "ns", .command = "scry record -p 4711",
	.target = "pid 4711 (python3)", .host = "box", .kernel = "6.1.0", .scry_version = "0.1",
};

struct test_file {
	int fd;
	struct capture_writer *w;
	uint32_t thread;
};

static inline void test_open(struct test_file *f)
{
	f->fd = memfd_create("capture", MFD_CLOEXEC);
	assert_true(f->fd >= 0);
	assert_int_equal(capture_create_at(f->fd, "test.scry", &test_header, &f->w), 0);
	f->thread = capture_thread(f->w, 1, 4711, 4711);
	capture_name_thread(f->w, f->thread, "MainThread");
	capture_name_process(f->w, 1, 4711, "python3");
}

/* Frames as "function:file:defined:line" words, root first, parted by spaces; "" is no stack. */
static inline uint32_t test_stack(struct test_file *f, const char *frames)
{
	char *copy = strdup(frames), *rest = copy, *word;
	uint32_t stack = CAPTURE_NO_STACK;

	while ((word = strsep(&rest, " "))) {
		char *name = strsep(&word, ":"), *file = strsep(&word, ":"), *at = strsep(&word, ":");
		enum capture_kind kind = *name == '[' ? CAPTURE_MARK : CAPTURE_INTERPRETED;
		uint32_t function, frame;

		if (!*name)
			continue;
		function = capture_function(f->w, kind, name, file ? file : "", at ? atoi(at) : 0);
		frame = capture_frame(f->w, function, word ? atoi(word) : 0);
		stack = capture_stack(f->w, stack, frame);
	}
	free(copy);
	return stack;
}

static inline void test_sample(struct test_file *f, uint64_t ms, const char *frames, const char *error)
{
	capture_sample(f->w, START_NS + ms * MS, f->thread, test_stack(f, frames), 10 * MS, error);
}

static inline struct profile *test_load(int fd)
{
	struct profile *profile = NULL;

	assert_int_equal(profile_load(fd, "test.scry", &profile), 0);
	return profile;
}

static inline struct profile *test_close(struct test_file *f, uint64_t end_ms)
{
	struct profile *profile;

	assert_int_equal(capture_finish(f->w, START_NS + end_ms * MS, NULL), 0);
	profile = test_load(f->fd);
	close(f->fd);
	return profile;
}

/* What a format makes of the profile; the caller frees it. */
static inline char *test_output(const struct profile *profile, const struct sink *sink,
				const struct output_options *options)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_int_equal(sink->write(profile, to, options), 0);
	fclose(to);
	return text;
}

#endif
