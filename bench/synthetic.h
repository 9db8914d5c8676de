/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A recording as a steady program gives it, made without one: some threads sampled on their own
 * clocks with some jitter, a fixed set of stacks of which a few take most samples. The same every
 * time. For bench/ and tests/.
 */
#ifndef SYNTHETIC_H
#define SYNTHETIC_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "profiler/capture.h"

struct synthetic {
	uint64_t samples;
	uint32_t frequency;	/* Hz */
	uint32_t threads, stacks, depth;
	uint64_t random;	/* state of the generator; any number but 0 */
};

static inline uint64_t synthetic_random(struct synthetic *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random;
}

/* A stack of the given depth that shares its first frames with those of near numbers. */
static inline uint32_t synthetic_stack(struct synthetic *s, struct capture_writer *w, uint32_t number)
{
	uint32_t stack = CAPTURE_NO_STACK;
	char name[64], file[96];

	for (uint32_t level = 0; level < s->depth; level++) {
		uint32_t shift = s->depth - 1 - level;
		uint32_t branch = shift < 16 ? number >> shift : 0;
		uint32_t function, line = 10 + branch % 97 * 20;

		snprintf(name, sizeof(name), "Handler%u.process_%u", level, branch % 97);
		snprintf(file, sizeof(file), "/srv/lib/python3.12/site-packages/pkg/module_%u.py",
			 branch % 31);
		function = capture_function(w, CAPTURE_INTERPRETED, name, file, (int)line);
		stack = capture_stack(w, stack, capture_frame(w, function, (int)(line + branch % 5)));
	}
	return stack;
}

static inline void synthetic_sample(struct synthetic *s, struct capture_writer *w, uint64_t now,
				    uint32_t thread, uint32_t *stacks)
{
	/* The cube of an even number in [0, 1) is small more often than not: the first stacks
	 * are hot. */
	double even = (double)(synthetic_random(s) >> 11) / (double)(1ULL << 53);
	uint32_t pick = (uint32_t)(even * even * even * s->stacks);

	if (!stacks[pick])
		stacks[pick] = synthetic_stack(s, w, pick);
	capture_sample(w, now + thread * 37000ULL + synthetic_random(s) % 40000,
		       capture_thread(w, 1, 4711, 4711 + thread), stacks[pick],
		       1000000000 / s->frequency, NULL);
}

/* Write the whole recording to fd, a chunk a second. Returns its size in bytes, 0 on failure. */
static inline uint64_t synthetic_write(struct synthetic *s, int fd)
{
	const struct capture_header header = {
		.start_realtime_ns = 1767348000000000000ULL, .start_ns = 1000000000,
		.frequency = s->frequency,
		.period_ns = 1000000000 / s->frequency, .max_stack = 1024, .cpus = 4,
		.event = "cpu", .unit = "ns",
		.command = "scry record -p 4711", .target = "pid 4711 (python3)", .host = "box",
		.kernel = "6.1.0", .scry_version = SCRY_VERSION,
	};
	uint32_t *stacks = calloc(s->stacks, sizeof(*stacks));
	uint64_t now = header.start_ns, flushed = now, size = 0;
	struct capture_writer *w;

	if (!stacks || capture_create_at(fd, "synthetic", &header, &w))
		goto out;
	for (uint64_t i = 0; i < s->samples; i++) {
		if (i % s->threads == 0)
			now += header.period_ns;
		synthetic_sample(s, w, now, (uint32_t)(i % s->threads), stacks);
		if (now - flushed >= 1000000000) {
			capture_flush(w);
			flushed = now;
		}
	}
	capture_flush(w);
	size = capture_size(w);
	if (capture_finish(w, now, NULL))
		size = 0;
out:
	free(stacks);
	return size;
}

#endif
