// SPDX-License-Identifier: GPL-2.0-only
#include "page.h"

#include "grow.h"

#include <string.h>

#define FUNCTION_MAX 384	/* bytes of a name that are shown */
#define FILE_MAX 256

/* The end of a path says more than its beginning. */
static struct text_part clip_front(struct text_part text, size_t bytes)
{
	size_t cut = text.length > bytes ? text.length - bytes : 0;

	while (cut && cut < text.length && ((unsigned char)text.bytes[cut] & 0xc0) == 0x80)
		cut++;
	return (struct text_part){ text.bytes + cut, text.length - cut };
}

static int add_name(struct page *page, const struct names *names, uint32_t index)
{
	struct text_part text = { names_bytes(names, index), names_length(names, index) };
	struct page_name name = { .label = label_parse(text, names_source(names, index)) };

	if (grow(&page->names, &page->names_room, page->names_count + 1, sizeof(name)))
		return -ENOMEM;
	name.folded = names_source(names, index) == NAME_FOLDED;
	name.color = color_of(&name.label, page->options->hash);
	name.clipped = name.label.function.length > FUNCTION_MAX;
	name.label.function = text_clip(name.label.function, FUNCTION_MAX);
	name.label.file = clip_front(name.label.file, FILE_MAX);
	name.label.line = text_clip(name.label.line, 20);
	page->names[page->names_count++] = name;
	page->slots[index] = page->names_count;
	return 0;
}

static bool has_place(const struct page *page, size_t i, uint32_t level)
{
	const struct layout_frame *frame = &page->layout.frames[i];

	return i < page->layout.count && frame->level == level && frame->name < LAYOUT_DEEPER &&
	       page_name(page, frame)->label.file.length;
}

static bool may_be_owner(const struct page *page, size_t i, uint32_t level)
{
	const struct layout_frame *frame = &page->layout.frames[i];

	return i < page->layout.count && frame->level == level && frame->name < LAYOUT_DEEPER &&
	       page_name(page, frame)->folded && !page_name(page, frame)->label.file.length;
}

/*
 * Folded text may name the owner of a stack, a process and a thread, before its functions. They are
 * told by having no place where the frame after them has one.
 */
static void mark_owners(struct page *page)
{
	for (size_t i = 0; i < page->layout.count; i++) {
		size_t owners = may_be_owner(page, i, 1) ? 1 + may_be_owner(page, i + 1, 2) : 0;

		if (!owners || !has_place(page, i + owners, 1 + owners))
			continue;
		while (owners--)
			page->names[page->slots[page->layout.frames[i + owners].name] - 1].color = COLOR_MARK;
	}
}

int page_open(struct page *page, struct flame *flame, const struct flame_options *options, FILE *to)
{
	const struct layout *layout = &page->layout;
	int err;

	*page = (struct page){ .to = to, .options = options, .scheme = scheme_find(options->colors),
			       .unit = options->unit ? options->unit : "samples",
			       .width = options->width ? options->width : 1200 };
	if (!page->scheme)
		return -EINVAL;
	err = layout_make(flame, page->width, options->min_width > 0 ? options->min_width : 0.1,
			  !(options->min_width > 0), &page->layout);
	if (err)
		return err;
	page->slots = calloc(flame->names.count + 1, sizeof(*page->slots));
	if (!page->slots)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < layout->count; i++)
		if (layout->frames[i].name < LAYOUT_DEEPER && !page->slots[layout->frames[i].name])
			err = add_name(page, &flame->names, layout->frames[i].name);
	if (err)
		page_close(page);
	else
		mark_owners(page);
	return err;
}

void page_close(struct page *page)
{
	layout_free(&page->layout);
	free(page->names);
	free(page->slots);
}

const struct page_name *page_name(const struct page *page, const struct layout_frame *frame)
{
	return frame->name < LAYOUT_DEEPER ? &page->names[page->slots[frame->name] - 1] : NULL;
}

const char *page_tail(const struct page_name *name)
{
	return name->clipped ? "\u2026" : "";
}

unsigned page_color(const struct page *page, const struct layout_frame *frame)
{
	if (frame->name < LAYOUT_DEEPER)
		return page_name(page, frame)->color;
	return frame->name == LAYOUT_ROOT ? COLOR_ROOT : COLOR_REST;
}

void put_grouped(FILE *to, uint64_t value)
{
	char digits[24];
	int count = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);

	for (int i = 0; i < count; i++) {
		if (i && (count - i) % 3 == 0)
			fputs("\u00a0", to);
		putc_unlocked(digits[i], to);
	}
}

void put_amount(const struct page *page, uint64_t value)
{
	put_grouped(page->to, value);
	putc_unlocked(' ', page->to);
	text_xml(page->to, text_of(value == 1 && !strcmp(page->unit, "samples") ? "sample" : page->unit));
}
