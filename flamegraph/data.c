// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data for the script, as JSON: functions and places by name, and of each frame its level, name
 * and value, in the order of the layout, from which its place follows. page.js reads it.
 */
#include "page.h"

static void write_places(const struct page *page)
{
	for (size_t i = 0; i < page->names_count; i++) {
		const struct label *label = &page->names[i].label;
		char place[300];
		int used;

		/* One string of two parts of the same text: the colon between them is ours. */
		used = snprintf(place, sizeof(place), "%.*s%s%.*s", (int)label->file.length,
				label->file.bytes,
				label->line.length ? ":" : "", (int)label->line.length, label->line.bytes);
		if (i)
			putc(',', page->to);
		if (used < 0 || !label->file.length)
			used = 0;
		text_json(page->to, (struct text_part){ place, used }, "");
	}
}

static void write_names(const struct page *page)
{
	fputs(",\"functions\":[", page->to);
	for (size_t i = 0; i < page->names_count; i++) {
		if (i)
			putc(',', page->to);
		text_json(page->to, page->names[i].label.function, page_tail(&page->names[i]));
	}
	fputs("],\"places\":[", page->to);
	write_places(page);
	fputs("],\"colored\":[", page->to);
	for (size_t i = 0; i < page->names_count; i++)
		fprintf(page->to, i ? ",%u" : "%u", page->names[i].color);
	putc(']', page->to);
}

/*
 * The name of a frame, as the script has it: an index, -1 for the root, -2 for deeper frames, less
 * for merged ones.
 */
static long long name_number(const struct page *page, const struct layout_frame *frame)
{
	if (frame->name == LAYOUT_ROOT)
		return -1;
	if (frame->name == LAYOUT_DEEPER)
		return -2;
	if (frame->name == LAYOUT_REST)
		return -2 - (long long)frame->merged;
	return page->slots[frame->name] - 1;
}

void page_write_data(const struct page *page)
{
	const struct layout *layout = &page->layout;

	fprintf(page->to, "{\"inverted\":%s,\"width\":%u,\"band\":%d,\"unit\":",
		page->options->inverted ? "true" : "false",
		page->options->width, COLOR_BAND);
	text_json(page->to, text_of(page->unit), "");
	fputs(",\"colors\":[", page->to);
	for (unsigned i = 0; i < COLOR_COUNT; i++)
		fprintf(page->to, "%s\"#%06x\"", i ? "," : "", color_rgb(page->scheme, i));
	fputs("],\"legend\":[", page->to);
	page_write_legend_data(page);
	putc(']', page->to);
	write_names(page);
	fputs(",\n\"frames\":[", page->to);
	for (size_t i = 0; i < layout->count; i++) {
		const struct layout_frame *frame = &layout->frames[i];

		fprintf(page->to, "%s%u,%lld,%llu", i ? i % 16 ? "," : ",\n" : "", frame->level,
			name_number(page, frame), (unsigned long long)frame->value);
	}
	fputs("]}\n", page->to);
}
