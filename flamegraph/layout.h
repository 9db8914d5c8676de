/* SPDX-License-Identifier: GPL-2.0-only */
/* Which frames are drawn, and where: the part of the tree that is wide enough to be seen. */
#ifndef FLAME_LAYOUT_H
#define FLAME_LAYOUT_H

#include "state.h"

#include <stdbool.h>

enum {
	LAYOUT_ROOT = UINT32_MAX,	/* instead of a name: the whole */
	LAYOUT_REST = UINT32_MAX - 1,	/* siblings too narrow to be drawn, as one frame */
	LAYOUT_DEEPER = UINT32_MAX - 2,	/* everything above a level that is not drawn */
};

struct layout_frame {
	uint32_t level;		/* 0: the root */
	uint32_t name;		/* index, or one of the above */
	uint32_t merged;	/* LAYOUT_REST: how many functions */
	uint64_t start, value;	/* share of [0, total) */
};

struct layout {
	struct layout_frame *frames;	/* callers before callees, siblings in order of their names */
	size_t count, capacity;
	uint32_t levels;
	uint64_t total;
	double min_width;	/* px that was used at `width` */
};

/*
 * Lay out the tree for `width` px. Frames narrower than min_width px are merged. With `bounded`,
 * min_width is raised (to 1 px), then depth is cut, until the page has a sensible size. 0, -ENOMEM,
 * -ENODATA.
 */
int layout_make(struct flame *flame, double width, double min_width, bool bounded, struct layout *ret);
void layout_free(struct layout *layout);

#endif
