/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text for the page. Whatever bytes a name has, what comes out is valid UTF-8 without control
 * characters, without characters that XML 1.0 forbids, and without any that turn the direction of
 * writing.
 */
#ifndef FLAME_TEXT_H
#define FLAME_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct text_part {
	const char *bytes;
	size_t length;
};

struct text_part text_of(const char *string);	/* NULL: empty */

/*
 * The first character of a text that is not empty; bytes it takes in *used. U+FFFD for what may not
 * be written.
 */
uint32_t text_char(struct text_part text, size_t *used);

/* Write as XML character data, fit for attributes in quotes too. */
void text_xml(FILE *to, struct text_part text);

/* Write as a JSON string that has no character special to XML; tail is its end, of plain text. */
void text_json(FILE *to, struct text_part text, const char *tail);

/* No fewer bytes than either of them writes for it. */
size_t text_cost(struct text_part text);

/* Width in px at 12 px letters: that of a wide sans serif, so that narrower ones fit too. */
double text_width(struct text_part text);

/* The longest beginning that is at most `width` px. */
struct text_part text_fit(struct text_part text, double width);

/* At most `bytes` of it, cut between characters. */
struct text_part text_clip(struct text_part text, size_t bytes);

#endif
