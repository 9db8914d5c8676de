/* SPDX-License-Identifier: GPL-2.0-only */
/* Folded text, line by line. */
#ifndef FLAME_FOLDED_H
#define FLAME_FOLDED_H

#include "state.h"

#include <stdbool.h>

struct folded {
	struct flame *flame;
	uint64_t bad;		/* lines that are no folded stack */

	/* The last stack: lines that begin alike share the work, which in sorted text is most of it. */
	const char *last;	/* NULL: its text is gone */
	size_t last_length;
	uint32_t last_source;
	uint32_t *ids;		/* of its frames */
	uint32_t *tags;		/* their hashes, while it is read */
	size_t *ends;		/* where in its text each frame ends */
	size_t count, ids_room, tags_room, ends_room;

	/* A stack that bpftrace printed over several lines, leaf first. */
	bool in_block;
	uint32_t *block;
	size_t block_count, block_room;
	uint32_t head;		/* a key before the stack in the same brackets */
	bool has_head;
};

void folded_open(struct folded *folded, struct flame *flame);
void folded_close(struct folded *folded);

/* One line without its newline. It must stay in place until folded_forget(). 0, -ENOMEM or -EOVERFLOW. */
int folded_line(struct folded *folded, const char *line, size_t length);

void folded_forget(struct folded *folded);	/* the text of earlier lines is about to move */
void folded_end(struct folded *folded);		/* no line follows */

/* A count: whole, or with a fraction that is rounded; past 64 bits it stays at the largest. */
bool count_parse(const char *text, size_t length, uint64_t *ret);

/* bpftrace.c: true if the line belongs to a map printed by bpftrace, with *err set. */
bool bpftrace_line(struct folded *folded, const char *line, size_t length, int *err);

#endif
