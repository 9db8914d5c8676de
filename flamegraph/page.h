/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The drawn part of a flame graph, and the two ways it stands in the SVG: as shapes, and as data
 * for the script.
 */
#ifndef FLAME_PAGE_H
#define FLAME_PAGE_H

#include "color.h"
#include "layout.h"

struct page_name {
	struct label label;
	unsigned color;
	bool clipped;		/* its function is longer than what is shown */
	bool folded;		/* its kind is a guess from the text */
};

struct page {
	FILE *to;
	const struct flame_options *options;
	const struct scheme *scheme;
	const char *unit;
	struct layout layout;
	double width, row;	/* px */
	struct page_name *names;	/* those that are drawn, in the order of their first frames */
	size_t names_count, names_room;
	uint32_t *slots;	/* by index of a name: its place in names, plus 1 */
};

extern const char page_css[], page_js[];	/* page.css and page.js, as text */

/* Clips the text of names and gives them colours. 0 or -ENOMEM. */
int page_open(struct page *page, struct flame *flame, const struct flame_options *options, FILE *to);
void page_close(struct page *page);

/* NULL: has none of the names in the stacks. */
const struct page_name *page_name(const struct page *page, const struct layout_frame *frame);
/* What stands for the clipped part of a function's name: "" if it is whole. */
const char *page_tail(const struct page_name *name);
unsigned page_color(const struct page *page, const struct layout_frame *frame);

void page_write_frames(const struct page *page, double top);	/* shapes and labels */
void page_write_data(const struct page *page);			/* JSON */

/* Which kinds of code the colours tell apart: in the foot of the picture, and for the script. */
void page_write_legend(const struct page *page, unsigned long y);
void page_write_legend_data(const struct page *page);

/* "1 234", the groups held together; put_amount() adds the unit. */
void put_grouped(FILE *to, uint64_t value);
void put_amount(const struct page *page, uint64_t value);

#endif
