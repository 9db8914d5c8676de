// SPDX-License-Identifier: GPL-2.0-only
#include "escape.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define ELLIPSIS "\xe2\x80\xa6"

/* By the number of leading one bits of the first byte; lowest is the smallest character that
 * needs so many bytes. */
static const struct {
	unsigned char mask, lead;
	uint32_t lowest;
} forms[] = {
	{ 0xe0, 0xc0, 0x80 },
	{ 0xf0, 0xe0, 0x800 },
	{ 0xf8, 0xf0, 0x10000 },
};

uint32_t utf8_next(const char **text)
{
	const unsigned char *at = (const unsigned char *)*text;

	if (!*at)
		return 0;
	(*text)++;
	if (*at < 0x80)
		return *at;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		uint32_t character = *at & (unsigned char)~forms[i].mask;

		if ((*at & forms[i].mask) != forms[i].lead)
			continue;
		for (size_t k = 1; k <= i + 1; k++) {
			if ((at[k] & 0xc0) != 0x80)
				return ESCAPE_REPLACEMENT;
			character = character << 6 | (at[k] & 0x3f);
		}
		if (character < forms[i].lowest || character > 0x10ffff ||
		    (character >= 0xd800 && character <= 0xdfff))
			return ESCAPE_REPLACEMENT;
		*text += i + 1;
		return character;
	}
	return ESCAPE_REPLACEMENT;
}

size_t utf8_put(char *to, uint32_t character)
{
	static const unsigned char leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t size = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;

	if (size == 1) {
		to[0] = (char)character;
		return 1;
	}
	for (size_t i = size - 1; i > 0; i--, character >>= 6)
		to[i] = (char)(0x80 | (character & 0x3f));
	to[0] = (char)(leads[size] | character);
	return size;
}

static void put_character(FILE *to, uint32_t character)
{
	char bytes[4];

	fwrite(bytes, 1, utf8_put(bytes, character), to);
}

static bool is_control(uint32_t character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

/* Characters that change the direction of their neighbours or hide themselves or break a line. */
static bool is_deceptive(uint32_t character)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x061c, 0x061c }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return false;
}

void escape_json(FILE *to, const char *text)
{
	uint32_t character;

	putc('"', to);
	while ((character = utf8_next(&text))) {
		if (character == '"' || character == '\\')
			fprintf(to, "\\%c", (int)character);
		else if (is_control(character) || character == 0x2028 || character == 0x2029)
			fprintf(to, "\\u%04x", character);
		else
			put_character(to, character);
	}
	putc('"', to);
}

void escape_folded(FILE *to, const char *text)
{
	uint32_t character;

	while ((character = utf8_next(&text))) {
		if (is_control(character) || character == 0x2028 || character == 0x2029)
			putc('?', to);
		else
			put_character(to, character == ';' ? ':' : character);
	}
}

void escape_terminal(FILE *to, const char *text)
{
	uint32_t character;

	while ((character = utf8_next(&text))) {
		if (character < 0x80 && is_control(character))
			fprintf(to, "\\x%02x", character);
		else if (is_control(character) || is_deceptive(character))
			fprintf(to, "\\u%04x", character);
		else
			put_character(to, character);
	}
}

/* Ranges of characters of other than one cell: combining marks take none, East Asian wide ones
 * and emoji two (Unicode's EastAsianWidth.txt, W and F, by its large blocks). */
static const struct {
	uint32_t first, last;
	unsigned cells;
} widths[] = {
	{ 0x0300, 0x036f, 0 },   { 0x1100, 0x115f, 2 },   { 0x1ab0, 0x1aff, 0 },
	{ 0x1dc0, 0x1dff, 0 },   { 0x20d0, 0x20ff, 0 },   { 0x2e80, 0x303e, 2 },
	{ 0x3041, 0xa4cf, 2 },   { 0xac00, 0xd7a3, 2 },   { 0xf900, 0xfaff, 2 },
	{ 0xfe00, 0xfe0f, 0 },   { 0xfe20, 0xfe2f, 0 },   { 0xfe30, 0xfe6f, 2 },
	{ 0xff00, 0xff60, 2 },   { 0xffe0, 0xffe6, 2 },   { 0x1f300, 0x1f64f, 2 },
	{ 0x1f680, 0x1f6ff, 2 }, { 0x1f900, 0x1faff, 2 }, { 0x20000, 0x3fffd, 2 },
};

static unsigned cells_of(uint32_t character)
{
	for (size_t i = 0; i < ARRAY_SIZE(widths) && character >= widths[i].first; i++)
		if (character <= widths[i].last)
			return widths[i].cells;
	return 1;
}

unsigned escape_width(const char *text)
{
	uint32_t character;
	size_t cells = 0;

	while ((character = utf8_next(&text)))
		cells += cells_of(character);
	return cells < 1u << 30 ? (unsigned)cells : 1u << 30;
}

/* The end of the longest start of text that takes at most `cells`. */
static const char *skip_cells(const char *text, unsigned cells)
{
	for (;;) {
		const char *next = text;
		uint32_t character = utf8_next(&next);
		unsigned wide = cells_of(character);

		if (!character || wide > cells)
			return text;
		cells -= wide;
		text = next;
	}
}

char *escape_fit(const char *text, unsigned cells)
{
	_cleanup_free_ char *whole = NULL;
	const char *head_end, *tail;
	unsigned width, head;
	size_t size;
	char *cut;
	FILE *to = open_memstream(&whole, &size);

	if (!to)
		return NULL;
	escape_terminal(to, text);
	if (fclose(to) || !whole)
		return NULL;
	width = escape_width(whole);
	if (width <= cells)
		return strdup(whole);
	if (!cells)
		return strdup("");
	head = (cells - 1) / 2;
	head_end = skip_cells(whole, head);
	/* Leave out so many cells that the rest fits; one more where a wide character straddles
	 * the edge. */
	tail = skip_cells(whole, width - (cells - 1 - head));
	while (escape_width(tail) > cells - 1 - head)
		utf8_next(&tail);
	if (asprintf(&cut, "%.*s" ELLIPSIS "%s", (int)(head_end - whole), whole, tail) < 0)
		return NULL;
	return cut;
}
