// SPDX-License-Identifier: GPL-2.0-only
/*
 * The picture that stands without the script: wide frames one by one with label and tooltip, the
 * narrow ones as one path for each colour.
 */
#include "page.h"

#include <string.h>

#define SINGLE_BYTES 1500000	/* that frames with a shape of their own may take */
#define MARGIN 12
#define LETTER_ROW 13		/* px that a row needs for a label */

static double frame_px(const struct page *page, uint64_t value)
{
	return (double)value / page->layout.total * (page->width - 2 * MARGIN);
}

static double frame_y(const struct page *page, const struct layout_frame *frame, double top)
{
	uint32_t row = page->options->inverted ? frame->level : page->layout.levels - 1 - frame->level;

	return top + row * page->row;
}

/* A length in px, to the tenth; printf's would follow the locale. */
static void put_px(FILE *to, double px)
{
	unsigned long tenths = px * 10 + 0.5;

	if (tenths >= 10 || !tenths)
		fprintf(to, "%lu", tenths / 10);
	if (tenths % 10)
		fprintf(to, ".%lu", tenths % 10);
}

static void put_attribute(FILE *to, const char *name, double px)
{
	fprintf(to, " %s=\"", name);
	put_px(to, px);
	putc('"', to);
}

static void put_percent(FILE *to, uint64_t part, uint64_t whole)
{
	unsigned long hundredths = (double)part / whole * 10000 + 0.5;

	if (part && !hundredths)
		fputs("&lt;0.01%", to);
	else
		fprintf(to, "%lu.%02lu%%", hundredths / 100, hundredths % 100);
}

/* The last two parts of a path. */
static struct text_part short_path(struct text_part file)
{
	const char *last = memrchr(file.bytes, '/', file.length);
	const char *before = last ? memrchr(file.bytes, '/', last - file.bytes) : NULL;
	size_t cut = before ? (size_t)(before + 1 - file.bytes) : 0;

	return (struct text_part){ file.bytes + cut, file.length - cut };
}

static void put_place(FILE *to, struct text_part file, struct text_part line)
{
	text_xml(to, file);
	if (line.length)
		putc(':', to);
	text_xml(to, line);
}

static void put_function(const struct page *page, const struct layout_frame *frame)
{
	const struct page_name *name = page_name(page, frame);

	if (name) {
		text_xml(page->to, name->label.function);
		fputs(page_tail(name), page->to);
	} else if (frame->name == LAYOUT_REST) {
		put_grouped(page->to, frame->merged);
		fputs(" narrow frames", page->to);
	} else {
		fputs(frame->name == LAYOUT_ROOT ? "all" : "[deeper frames]", page->to);
	}
}

static void put_tooltip(const struct page *page, const struct layout_frame *frame)
{
	const struct page_name *name = page_name(page, frame);

	fputs("<title>", page->to);
	put_function(page, frame);
	if (name && name->label.file.length) {
		fputs(" (", page->to);
		put_place(page->to, name->label.file, name->label.line);
		putc(')', page->to);
	}
	fputs("&#10;", page->to);
	put_amount(page, frame->value);
	fputs(", ", page->to);
	put_percent(page->to, frame->value, page->layout.total);
	fputs(" of all</title>", page->to);
}

/* As much of the function as fits, and its place if all of it does. */
static void put_label(const struct page *page, const struct page_name *name, double x, double y, double room)
{
	struct text_part function = name->label.function, fitted = text_fit(function, room);
	struct text_part file = short_path(name->label.file);
	double left = room - text_width(function) - 10;

	if (fitted.length < function.length)
		fitted = text_fit(function, room - 12);
	if (!fitted.length || (fitted.length < function.length && fitted.length < 2))
		return;
	fputs("<text", page->to);
	put_attribute(page->to, "x", x);
	put_attribute(page->to, "y", y);
	putc('>', page->to);
	text_xml(page->to, fitted);
	if (fitted.length < function.length)
		fputs("\u2026", page->to);
	else if (file.length && text_width(file) + text_width(name->label.line) + 4 <= left) {
		fputs("<tspan class=\"place\" dx=\"6\">", page->to);
		put_place(page->to, file, name->label.line);
		fputs("</tspan>", page->to);
	}
	fputs("</text>", page->to);
}

static void put_single(const struct page *page, const struct layout_frame *frame, double top)
{
	double x = MARGIN + frame_px(page, frame->start), y = frame_y(page, frame, top);
	double px = frame_px(page, frame->value);
	const struct page_name *name = page_name(page, frame);
	static const struct page_name root = {
		.label = { .function = { "all", 3 }, .file = { "", 0 }, .line = { "", 0 } },
	};

	fputs("<g>", page->to);
	put_tooltip(page, frame);
	fputs("<rect", page->to);
	put_attribute(page->to, "x", x);
	put_attribute(page->to, "y", y);
	put_attribute(page->to, "width", px > 3 ? px - 1 : px * 0.8);
	put_attribute(page->to, "height", page->row > 4 ? page->row - 1 : page->row * 0.8);
	fprintf(page->to, " fill=\"#%06x\"/>", color_rgb(page->scheme, page_color(page, frame)));
	if (!name && frame->name == LAYOUT_ROOT)
		name = &root;
	if (name && page->row >= LETTER_ROW && px >= 22)
		put_label(page, name, x + 4, y + page->row - 5, px - 9);
	fputs("</g>\n", page->to);
}

/* Bytes that put_single() writes, at most. */
static size_t single_cost(const struct page *page, const struct layout_frame *frame)
{
	const struct page_name *name = page_name(page, frame);
	size_t cost = 260;

	if (name)
		cost += 2 * (text_cost(name->label.function) + text_cost(name->label.file)) + 20;
	return cost;
}

/* The width from which frames are few enough to get shapes of their own. */
static double single_width(const struct page *page)
{
	const struct layout *layout = &page->layout;

	for (double px = 1;; px *= 1.5) {
		size_t bytes = 0;

		for (size_t i = 0; i < layout->count && bytes <= SINGLE_BYTES; i++)
			if (frame_px(page, layout->frames[i].value) >= px)
				bytes += single_cost(page, &layout->frames[i]);
		if (bytes <= SINGLE_BYTES || px > page->width)
			return px;
	}
}

static void put_narrow(const struct page *page, unsigned color, double most, double top)
{
	const struct layout *layout = &page->layout;
	bool open = false;

	for (size_t i = 0; i < layout->count; i++) {
		const struct layout_frame *frame = &layout->frames[i];
		double px = frame_px(page, frame->value);

		if (px >= most || page_color(page, frame) != color)
			continue;
		if (!open)
			fprintf(page->to, "<path fill=\"#%06x\" d=\"", color_rgb(page->scheme, color));
		open = true;
		putc('M', page->to);
		put_px(page->to, MARGIN + frame_px(page, frame->start));
		putc(' ', page->to);
		put_px(page->to, frame_y(page, frame, top));
		putc('h', page->to);
		put_px(page->to, px < 0.1 ? 0.1 : px);
		putc('v', page->to);
		put_px(page->to, page->row > 4 ? page->row - 1 : page->row * 0.8);
		fputs("h-", page->to);
		put_px(page->to, px < 0.1 ? 0.1 : px);
		putc('z', page->to);
	}
	if (open)
		fputs("\"/>\n", page->to);
}

void page_write_frames(const struct page *page, double top)
{
	double single = single_width(page);

	for (unsigned color = 0; color < COLOR_COUNT; color++)
		put_narrow(page, color, single, top);
	for (size_t i = 0; i < page->layout.count; i++)
		if (frame_px(page, page->layout.frames[i].value) >= single)
			put_single(page, &page->layout.frames[i], top);
}
