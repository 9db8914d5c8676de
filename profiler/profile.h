/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A capture in memory: arrays that refer to each other by index, all indices checked when it was
 * loaded. profile_tree.h and profile_rows.h make of it what a person reads.
 */
#ifndef SCRY_PROFILE_H
#define SCRY_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/table.h"
#include "capture.h"

struct profile_function {
	uint32_t name, file;	/* strings */
	int32_t line;		/* where it is defined, 0: not known */
	enum capture_kind kind;
};

struct profile_frame {
	uint32_t function;
	int32_t line;		/* being executed, 0: not known */
};

struct profile_stack {
	uint32_t parent;	/* the caller's stack: a smaller index, 0 for a root frame */
	uint32_t frame;
};

struct profile_process {
	uint32_t id;		/* tells lives of a pid apart */
	uint32_t pid;
	uint32_t name;		/* string, 0: none */
};

struct profile_thread {
	uint32_t process;	/* index into processes */
	uint32_t tid;
	uint32_t name;		/* string, 0: none */
};

struct profile_sample {
	uint64_t time;		/* ns since the start */
	uint64_t value;		/* in the event's unit */
	uint32_t thread, stack;
	uint32_t error;		/* string, 0: the stack is whole */
	uint32_t reason;	/* string: what the thread waits for, or is allowed to do; 0: it runs */
	uint32_t event;
};

struct profile_event {
	uint32_t name, unit;	/* strings */
	uint64_t period;	/* usual value of a sample, 0: has none */
};

/* An array of the profile. Item 0 of all but samples, events is "none" and stands for itself. */
#define PROFILE_ARRAY(type) struct { type *item; size_t count, capacity; }

struct profile {
	char *name;			/* of the file, for messages */
	struct capture_header header;	/* texts live as long as the profile; never NULL */
	uint64_t tick_ns;		/* unit the file keeps times in */
	uint64_t duration_ns;		/* start to end, or to the last sample if the end is missing */
	uint64_t lost;			/* samples that never reached the recording */
	bool cut;			/* the end of the file is missing */
	PROFILE_ARRAY(const char *) strings;	/* any bytes but NUL */
	PROFILE_ARRAY(struct profile_event) events;
	PROFILE_ARRAY(struct profile_function) functions;
	PROFILE_ARRAY(struct profile_frame) frames;
	PROFILE_ARRAY(struct profile_stack) stacks;
	PROFILE_ARRAY(struct profile_process) processes;
	PROFILE_ARRAY(struct profile_thread) threads;
	PROFILE_ARRAY(struct profile_sample) samples;
	struct table process_index;	/* id, pid -> index into processes */
	char **texts;			/* memory of the strings, one block a chunk */
	size_t texts_count, texts_capacity;
};

/* See output.h for profile_load and profile_destroy. */

static inline const char *profile_text(const struct profile *profile, uint32_t string)
{
	return profile->strings.item[string];
}

#endif
