/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flame graphs: stacks in, one self-contained SVG out. Needs only libc; usable as a library
 * (flame_add) and as a filter (flame_read_folded).
 */
#ifndef SCRY_FLAME_H
#define SCRY_FLAME_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum flame_kind { FLAME_INTERPRETED, FLAME_NATIVE, FLAME_KERNEL, FLAME_MARK };

/* Any bytes are allowed in a name: the writer escapes them for its output. */
struct flame_frame {
	const char *name;	/* "function (file:line)" */
	enum flame_kind kind;
};

struct flame_options {
	const char *title, *subtitle;	/* NULL: "Flame graph", none */
	const char *unit;		/* "samples", "ms"; NULL: "samples" */
	const char *colors;		/* palette name; NULL: by module and kind */
	unsigned width;			/* px, 0: 1200, fits the window */
	double min_width;		/* px: narrower frames are merged into their neighbours; 0: 0.1 */
	bool inverted;			/* icicle: root on top */
	bool hash;			/* colour by a hash of the name alone */
};

struct flame;
int flame_create(struct flame **ret);		/* 0 or -ENOMEM */
void flame_destroy(struct flame *flame);	/* NULL is allowed */

/* Add value to the stack frames[0..count), root first. 0 or -ENOMEM. */
int flame_add(struct flame *flame, const struct flame_frame *frames, size_t count, uint64_t value);

/*
 * Read folded text to its end (ours, and perf's, py-spy's raw, austin's, bpftrace's). *bad counts
 * lines that are not folded stacks. 0 or -errno.
 */
int flame_read_folded(struct flame *flame, FILE *from, uint64_t *bad);

/* Names of the palettes, the first being the one taken for NULL; ended by NULL. */
extern const char *const flame_schemes[];

/*
 * Write the SVG. 0 or -errno (-ENODATA: nothing to draw, -EINVAL: no such palette, -E2BIG:
 * min_width is so small that too many frames would be drawn). With min_width 0 the page stays below
 * 5 MB, whatever the stacks.
 */
int flame_write_svg(struct flame *flame, FILE *to, const struct flame_options *options);

#endif
