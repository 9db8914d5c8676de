// SPDX-License-Identifier: GPL-2.0-only
#include "text.h"

#include <string.h>

#define REPLACEMENT 0xfffd

struct text_part text_of(const char *string)
{
	return (struct text_part){ .bytes = string ? string : "", .length = string ? strlen(string) : 0 };
}

static int is_writable(uint32_t c)
{
	static const struct { uint32_t first, last; } refused[] = {
		{ 0, 0x1f }, { 0x7f, 0x9f },		/* control characters */
		{ 0x200b, 0x200f }, { 0x2028, 0x202e },	/* unseen, ends of line, turns of direction */
		{ 0x2060, 0x206f }, { 0xd800, 0xdfff }, { 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb }, { 0xfffe, 0xffff }, { 0xe0000, 0xe007f },
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (c >= refused[i].first && c <= refused[i].last)
			return 0;
	return c <= 0x10ffff && (c & 0xfffe) != 0xfffe;
}

/* How many bytes follow the first of a character; 4: none begins so. */
static unsigned utf8_more(unsigned char first)
{
	if (first < 0xc0)
		return first < 0x80 ? 0 : 4;
	return first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf8 ? 3 : 4;
}

uint32_t text_char(struct text_part text, size_t *used)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)text.bytes;
	unsigned more = utf8_more(p[0]);
	uint32_t c = p[0];

	*used = 1;
	if (!more)
		return is_writable(c) ? c : REPLACEMENT;
	if (more > 3 || more >= text.length)
		return REPLACEMENT;
	c &= 0x3fu >> more;
	for (unsigned i = 1; i <= more; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return REPLACEMENT;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[more])
		return REPLACEMENT;
	*used = more + 1;
	return is_writable(c) ? c : REPLACEMENT;
}

static void put_utf8(FILE *to, uint32_t c)
{
	static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };
	unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

	putc_unlocked(lead[more] | c >> (6 * more), to);
	while (more--)
		putc_unlocked(0x80 | (c >> (6 * more) & 0x3f), to);
}

void text_xml(FILE *to, struct text_part text)
{
	size_t used;

	for (; text.length; text.bytes += used, text.length -= used) {
		uint32_t c = text_char(text, &used);

		switch (c) {
		case '<': fputs("&lt;", to); break;
		case '>': fputs("&gt;", to); break;
		case '&': fputs("&amp;", to); break;
		case '"': fputs("&quot;", to); break;
		case '\'': fputs("&#39;", to); break;
		default: put_utf8(to, c);
		}
	}
}

void text_json(FILE *to, struct text_part text, const char *tail)
{
	size_t used;

	putc_unlocked('"', to);
	for (; text.length; text.bytes += used, text.length -= used) {
		uint32_t c = text_char(text, &used);

		if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' || c == '\\')
			fprintf(to, "\\u%04x", c);
		else
			put_utf8(to, c);
	}
	fputs(tail, to);
	putc_unlocked('"', to);
}

size_t text_cost(struct text_part text)
{
	size_t cost = 0, used;

	for (; text.length; text.bytes += used, text.length -= used) {
		uint32_t c = text_char(text, &used);

		if (c == REPLACEMENT)
			cost += 3;
		else
			cost += c < 0x80 && memchr("<>&\"'\\", c, 6) ? 6 : used;
	}
	return cost;
}

/*
 * Tenths of a px of ' ' to '~', 12 px DejaVu Sans rounded up: of the common sans serifs only
 * Verdana is as wide.
 */
static const unsigned char ascii_width[] = {
	38, 48, 55, 101, 76, 114, 94, 33, 47, 47, 60, 101, 38, 43, 38, 41, 76, 76, 76,
	76, 76, 76, 76, 76, 76, 76, 41, 41, 101, 101, 101, 64, 120, 82, 82, 84, 92, 76,
	69, 93, 90, 36, 36, 79, 67, 104, 90, 94, 72, 94, 83, 76, 73, 88, 82, 119, 82,
	73, 82, 47, 41, 47, 101, 60, 60, 74, 76, 66, 76, 74, 42, 76, 76, 33, 33, 70,
	33, 117, 76, 73, 76, 76, 49, 63, 47, 76, 71, 98, 71, 71, 63, 76, 41, 76, 101,
};

static unsigned char_width(uint32_t c)
{
	if (c >= ' ' && c <= '~')
		return ascii_width[c - ' '];
	return c < 0x1100 ? 90 : 140;	/* from Hangul on: wide scripts, pictures */
}

struct text_part text_fit(struct text_part text, double width)
{
	double room = width * 10;
	size_t used, end = 0;

	while (end < text.length) {
		struct text_part rest = { text.bytes + end, text.length - end };

		room -= char_width(text_char(rest, &used));
		if (room < 0)
			break;
		end += used;
	}
	text.length = end;
	return text;
}

double text_width(struct text_part text)
{
	uint64_t tenths = 0;
	size_t used;

	for (; text.length; text.bytes += used, text.length -= used)
		tenths += char_width(text_char(text, &used));
	return tenths / 10.0;
}

struct text_part text_clip(struct text_part text, size_t bytes)
{
	size_t used, end = 0;

	if (text.length <= bytes)
		return text;
	for (;;) {
		struct text_part rest = { text.bytes + end, text.length - end };

		text_char(rest, &used);
		if (end + used > bytes)
			break;
		end += used;
	}
	text.length = end;
	return text;
}
