/* SPDX-License-Identifier: GPL-2.0-only */
/* The stacks of samples in a capture. One seen before, frame by frame, costs one look-up. */
#ifndef SCRY_STACKS_H
#define SCRY_STACKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../bpf/wire.h"
#include "capture.h"
#include "codebook.h"
#include "framebook.h"

struct stacks;
struct native_binaries;

struct stack {
	uint32_t node; /* in the capture */
	enum scry_walk_error error; /* what is missing of it */
};

/* All of them must outlive it. 0 or -ENOMEM, reported. */
int stacks_create(struct capture_writer *capture, const struct codebook *book, struct framebook *frames, struct stacks **ret);
void stacks_destroy(struct stacks *stacks); /* NULL is allowed */

/* Stacks have frames of C or of the kernel: see recorder_deepen(). */
int stacks_deepen(struct stacks *stacks, const struct native_binaries *binaries, bool all);

/* A sample's stack. Its size was checked to hold all its frames. */
struct stack stacks_find(struct stacks *stacks, const struct scry_sample *sample);

/* A stack of which nothing is known but why. */
uint32_t stacks_mark(struct stacks *stacks, enum scry_walk_error error);

/* Why, as counted and stored; NULL: nothing is missing. */
const char *stacks_error(enum scry_walk_error error);

/* A process has ended, or runs another program. */
void stacks_forget(struct stacks *stacks, pid_t pid);

#endif
